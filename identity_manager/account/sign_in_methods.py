"""Sign-in methods per portal: password (or code), passkey, single sign-on."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

PASSWORD, PASSKEY, SSO = "password", "passkey", "sso"
BREAK_GLASS = "break-glass"
SSO_METHOD = "socialaccount"  # allauth's name of the method
WAY = "sign_in_way"  # in the session


def offered() -> frozenset[str]:
    """Methods that at least one portal of this process accepts."""
    ways = {way for portal in settings.PORTALS for way in settings.SIGN_IN_METHODS[portal]}
    return frozenset(ways if settings.SSO_PROVIDERS else ways - {SSO})


def is_offered(way: str) -> bool:
    return way in offered()


def of(records: list[dict[str, Any]]) -> str:
    """The method in allauth's sign-in records."""
    if any(record["method"] == SSO_METHOD for record in records):
        return SSO
    return PASSKEY if any(record.get("passwordless") for record in records) else PASSWORD


def opens(request: HttpRequest, portal: str) -> bool:
    """Whether the method of this session's sign-in opens the portal."""
    way = request.session.get(WAY, PASSWORD)
    return way == BREAK_GLASS or way in settings.SIGN_IN_METHODS[portal]


def asks_second_factor(records: list[dict[str, Any]]) -> bool:
    """Whether the session came through a provider that asks for a second factor itself."""
    named = {record.get("provider", "") for record in records if record["method"] == SSO_METHOD}
    return any(
        settings.SSO_PROVIDERS[name].asks_second_factor for name in named & set(settings.SSO_PROVIDERS)
    )
