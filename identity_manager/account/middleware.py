"""The person behind a request, with their language and time zone."""

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
from identity_manager.ui import error_pages, htmx_fragments

SEEN = "seen_at"
SEEN_SECONDS = 5 * 60
# In the address of the sign-in page: what somebody did whose session has ended.
ENDED = "ended"
READ, SENT = "reading", "sending"


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's; who comes to the sign-in page because their session has ended is told so there."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirect:
        response = super().handle_no_permission(request, view_func)
        if _session_has_ended(request):
            response["Location"] += f"&{ENDED}={SENT if request.method == 'POST' else READ}"
        return response


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
        correlation.by_user(person.pk)
        chosen_here = settings.LANGUAGE_COOKIE_NAME in request.COOKIES
        if not chosen_here and translation.check_for_language(person.language):
            translation.activate(person.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(person.zone):
            return self.get_response(request)


class InPlaceMiddleware:
    """Whoever has to sign in in the middle of a page comes back to it; an address of a button says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and htmx_fragments.reads_a_page(request):
            return error_pages.only_by_a_button(request, allowed=response["Allow"])
        return htmx_fragments.led_to_the_gate(request, response)


class LastSeenMiddleware:
    """Keeps when a session was used last, to the nearest minutes: a page must not write at each visit."""

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
    """An officer without a second factor is led to set one up before any page of Identity Manager opens.

    Self-Service and the account's own pages stay open: what they show is the person's own.
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
    """A portal opens to the ways of signing in that serve it, whichever other portal is served here too."""

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
    """Whether the browser came with a session that signs nobody in any more.

    It is gone, or is of an account that is closed; one that never signed anybody in has not ended.
    """
    came_with_one = bool(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return came_with_one and (request.session.is_empty() or SESSION_KEY in request.session)


def _portal_of(request: HttpRequest) -> str:
    """console, selfservice, or empty for what belongs to neither."""
    match = request.resolver_match
    name = match.namespaces[0] if match is not None and match.namespaces else ""
    return name if name in settings.SIGN_IN_METHODS else ""
