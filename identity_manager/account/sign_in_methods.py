"""Sign-in methods per portal: password (or code), passkey, single sign-on, SAML, client certificate."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from identity_manager.people.sign_in import methods
from identity_manager.people.sign_in.identity_provider import IdentityProvider

PASSWORD, PASSKEY, CERTIFICATE = methods.PASSWORD, methods.PASSKEY, methods.CERTIFICATE
SSO, SAML = methods.SSO, methods.SAML
configured = methods.configured
BREAK_GLASS = "break-glass"
SSO_METHOD = "socialaccount"  # allauth's name of the method, for both protocols
WAY = "sign_in_way"  # in the session


def offered() -> frozenset[str]:
    """Methods that at least one portal of this process accepts, and that are configured."""
    return frozenset(
        way for portal in settings.PORTALS for way in configured(settings.SIGN_IN_METHODS[portal])
    )


def is_offered(way: str) -> bool:
    return way in offered()


def identity_providers() -> dict[str, IdentityProvider]:
    """The providers of both protocols, by id."""
    return {**settings.SSO_PROVIDERS, **settings.SAML_PROVIDERS}


def offered_providers() -> list[IdentityProvider]:
    ways = offered()
    return [provider for provider in identity_providers().values() if provider.way in ways]


def of(records: list[dict[str, Any]]) -> str:
    """The method in allauth's sign-in records."""
    methods = {record["method"] for record in records}
    if SSO_METHOD in methods:
        named = {record.get("provider") for record in records}
        return SAML if named & set(settings.SAML_PROVIDERS) else SSO
    if CERTIFICATE in methods:
        return CERTIFICATE
    return PASSKEY if any(record.get("passwordless") for record in records) else PASSWORD


def opens(request: HttpRequest, portal: str) -> bool:
    """Whether the method of this session's sign-in opens the portal."""
    way = request.session.get(WAY, PASSWORD)
    return way == BREAK_GLASS or way in settings.SIGN_IN_METHODS[portal]


def asks_second_factor(records: list[dict[str, Any]]) -> bool:
    """Whether the session came through a provider that asks for a second factor itself."""
    named = {record.get("provider", "") for record in records if record["method"] == SSO_METHOD}
    providers = identity_providers()
    return any(providers[name].asks_second_factor for name in named & set(providers))
