"""Middleware of sign-in: current person, language, time zone, last seen, required second factor."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone, translation

from identity_manager.account import sign_in, sign_in_methods
from identity_manager.models import Person
from identity_manager.people.sign_in import sessions
from identity_manager.telemetry import correlation
from identity_manager.ui.http import error_pages, htmx_fragments

SEEN = "seen_at"
SEEN_SECONDS = 5 * 60
# Query parameter of the sign-in page after an expired session.
ENDED = "ended"
READ, SENT = "reading", "sending"


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's LoginRequiredMiddleware; an expired session is explained on the sign-in page."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirect:
        response = super().handle_no_permission(request, view_func)
        if _session_has_ended(request):
            response["Location"] += f"&{ENDED}={SENT if request.method == 'POST' else READ}"
        return response


class PersonMiddleware:
    """Sets request.person and activates the person's language and time zone.

    A language chosen in this browser (cookie of set_language) takes precedence. Without a sign-in, person
    is None and LocaleMiddleware chooses the language.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person: Person | None = getattr(request.user, "person", None)  # an anonymous user has none
        request.person = person  # type: ignore[attr-defined]  # this middleware adds it
        if person is None:
            return self.get_response(request)
        correlation.by_user(person.pk)
        chosen_here = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
        if not chosen_here and translation.check_for_language(person.language):
            translation.activate(person.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(person.zone):
            return self.get_response(request)


class InPlaceMiddleware:
    """After a sign-in requested in the middle of a page, return to that page, not to a fragment or a POST
    address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and htmx_fragments.reads_a_page(request):
            return error_pages.only_by_a_button(request, allowed=response["Allow"])
        return htmx_fragments.led_to_the_gate(request, response)


class LastSeenMiddleware:
    """Stores when a session was last used, at most every few minutes, so that not every page view writes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        now = time.time()
        if request.user.is_authenticated and now - request.session.get(SEEN, 0) > SEEN_SECONDS:
            if SEEN in request.session:
                sessions.record_seen(request.session.session_key or "")
            request.session[SEEN] = now
        return self.get_response(request)


class OfficersSecondFactorMiddleware:
    """Redirects an officer without a second factor to its set-up before any officers' page.

    Self-Service and the account pages stay open, because they show the person's own data.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        if _portal_of(request) != "console" or not sign_in.lacks_second_factor(request):
            return None
        return redirect("second-factor-needed")


class SignInWayMiddleware:
    """Admits only sessions that signed in by a method that this portal accepts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        portal = _portal_of(request)
        if not portal or not request.user.is_authenticated or sign_in_methods.opens(request, portal):
            return None
        return redirect("sign-in-way", portal)


def _session_has_ended(request: HttpRequest) -> bool:
    """Whether the browser sent a session cookie that signs nobody in any more.

    Expired, or of a closed account; a session that never signed anybody in does not count.
    """
    came_with_one = bool(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return came_with_one and (request.session.is_empty() or SESSION_KEY in request.session)


def _portal_of(request: HttpRequest) -> str:
    """ "console", "selfservice", or empty for pages of neither."""
    match = request.resolver_match
    name = match.namespaces[0] if match is not None and match.namespaces else ""
    return name if name in settings.SIGN_IN_METHODS else ""
