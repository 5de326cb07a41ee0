"""Known devices: a signed cookie marks browsers with which an account has signed in before.

The cookie grants nothing. Wrong attempts from a known device have a rate limit of their own, so that a
stranger's attempts elsewhere do not lock the person out (account.rate_limit).
"""

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from identity_manager.models import Account

SALT = "identity_manager.known-device"
MOST_ACCOUNTS = 5  # for browsers that several people share
REMEMBERED = "remembered_account"


class KnownDeviceMiddleware:
    """Sets the cookie in the response to a complete sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        account: Account | None = getattr(request, REMEMBERED, None)
        if account is not None:
            _set_cookie(response, _with(account, _known(request)))
        return response


def remember(request: HttpRequest, account: Account) -> None:
    """Mark this browser as known, after a complete sign-in or a change of the password in it."""
    setattr(request, REMEMBERED, account)


def of(request: HttpRequest, account: Account) -> str:
    """Identifier of this browser as a known device of the account; empty if the account never signed in here.

    A browser in which the account is signed in is known whatever its cookies say.
    """
    device = _known(request).get(_digest(account), "")
    if not device and request.user.is_authenticated and request.user.pk == account.pk:
        device = "signed-in"
    return f"{account.pk}:{device}" if device else ""


def of_name(request: HttpRequest, name: str) -> str:
    """As of(), for the account of this user name, if there is one."""
    if not request.user.is_authenticated and not _known(request):
        return ""  # no query for an unknown browser
    account = Account.objects.filter(username__iexact=name.strip()).first()
    return of(request, account) if account else ""


def _known(request: HttpRequest) -> dict[str, str]:
    """Accounts in the cookie, latest last, each with this browser's name."""
    cookie = request.COOKIES.get(settings.KNOWN_DEVICE_COOKIE_NAME, "")
    try:
        known: dict[str, str] = signing.loads(cookie, salt=SALT, max_age=settings.KNOWN_DEVICE_COOKIE_AGE)
    except signing.BadSignature:
        return {}
    return known


def _with(account: Account, known: dict[str, str]) -> dict[str, str]:
    digest = _digest(account)
    others = [each for each in known.items() if each[0] != digest][1 - MOST_ACCOUNTS :]
    return dict([*others, (digest, known.get(digest) or secrets.token_urlsafe(12))])


def _digest(account: Account) -> str:
    """HMAC of account and password hash, so that a changed password ends known devices."""
    return salted_hmac(SALT, f"{account.pk}:{account.password}", algorithm="sha256").hexdigest()[:32]


def _set_cookie(response: HttpResponse, known: dict[str, Any]) -> None:
    response.set_cookie(
        settings.KNOWN_DEVICE_COOKIE_NAME,
        signing.dumps(known, salt=SALT),
        max_age=settings.KNOWN_DEVICE_COOKIE_AGE,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
