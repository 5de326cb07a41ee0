"""The person behind a request, with their language and time zone."""

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from identity_manager.models import Person


class PersonMiddleware:
    """Sets request.person and speaks the person's language, in their time zone.

    A language that was chosen on this browser (the cookie of set_language) goes before the person's own.
    For who is not signed in, person is None and LocaleMiddleware has decided on the language.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person: Person | None = getattr(request.user, "person", None)  # an anonymous user has none
        request.person = person  # type: ignore[attr-defined]  # this middleware adds it
        if person is None:
            return self.get_response(request)
        chosen_here = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
        if not chosen_here and translation.check_for_language(person.language):
            translation.activate(person.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(_zone(person.time_zone)):
            return self.get_response(request)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    """The zone of that name; the installation's, where the machine's time zone data do not know it."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return timezone.get_default_timezone()
