"""Page "Your account": password, second factors and sessions."""

from http import HTTPStatus
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from identity_manager.account import sign_in_methods, user_agents
from identity_manager.account.sign_in import account_of
from identity_manager.models import OFFICER_ROLES, Account
from identity_manager.models.words import Vocabulary
from identity_manager.people.sign_in import second_factors, sessions
from identity_manager.queries import looks

OFFICERS_FRAME, PERSONS_FRAME = "identity_manager/base.html", "selfservice/base.html"
WAY_NAMES = Vocabulary(
    "sign-in methods",
    {
        sign_in_methods.PASSWORD: _("a password"),
        sign_in_methods.PASSKEY: _("a passkey"),
        sign_in_methods.SSO: _("your organisation's single sign-on"),
        sign_in_methods.SAML: _("your organisation's single sign-on (SAML)"),
        sign_in_methods.CERTIFICATE: _("a certificate of yours"),
    },
)
Kind = Authenticator.Type


@require_safe
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """The page of the person's password, second factors and sessions, with a link to change each."""
    return page(request, "account/account.html", context(request))


@require_safe
def another_way(request: HttpRequest, portal: str) -> HttpResponse:
    """Sign-in methods that open this portal, for a session that signed in by another one."""
    seen = looks.in_force()
    names = {"console": seen.officers_name, "selfservice": seen.persons_name}
    if portal not in names:
        raise Http404
    configured = sign_in_methods.configured(settings.SIGN_IN_METHODS[portal])
    ways = [str(WAY_NAMES.in_words(way)) for way in configured]
    context = {"portal_name": names[portal], "ways": ways}
    return render(request, "account/sign_in_way.html", context)


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Keyboard shortcuts as a page; with JavaScript the same text is in a dialog of every page."""
    return page(request, "ui/keys_page.html")


def page(
    request: HttpRequest, template: str, more: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A page of the account in the frame of the person's portal."""
    return render(request, template, {"frame": frame(account_of(request)), **(more or {})}, status=status)


def status_of(form: forms.Form) -> int:
    """HTTP status of a page with this form: 422 if it was sent and is invalid."""
    return HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK


def frame(account: Account) -> str:
    """Base template of the page: with the officers' tabs, or those of Self-Service."""
    if len(settings.PORTALS) == 1:
        return OFFICERS_FRAME if "console" in settings.PORTALS else PERSONS_FRAME
    holds_office = any(held.role in OFFICER_ROLES for held in account.person.roles_in_force())
    return OFFICERS_FRAME if holds_office else PERSONS_FRAME


def context(request: HttpRequest) -> dict[str, Any]:
    """Template context of the account page."""
    account = account_of(request)
    return {
        "account": account,
        "app": second_factors.of(account, Kind.TOTP).first(),
        "passkeys": [_passkey(row) for row in second_factors.of(account, Kind.WEBAUTHN)],
        "recovery_codes": second_factors.unused_recovery_codes(account),
        "has_second_factor": second_factors.has_one(account),
        "sessions": [_session(row, request) for row in sessions.alive(account)],
    }


def _passkey(row: Authenticator) -> dict[str, Any]:
    return {"row": row, "name": row.wrap().name}


def _session(row: UserSession, request: HttpRequest) -> dict[str, Any]:
    """Words for the browser and device. No location: an IP address tells less of it than people think."""
    words, icon = user_agents.named(row.user_agent)
    return {
        "row": row,
        "device": words,
        "icon": icon,
        "is_this": row.session_key == request.session.session_key,
    }
