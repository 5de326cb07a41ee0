"""OpenID Connect provider, as configured in SSO_PROVIDERS."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from identity_manager.people.sign_in.identity_provider import (
    FIELDS,
    IdentityProvider,
    ProviderSettings,
    origin,
)

KEYS = frozenset(
    {
        "name",
        "server_url",
        "client_id",
        "scopes",
        "claim",
        "field",
        "groups_claim",
        "roles",
        "second_factor",
        "acr_values",
        "amr_values",
        "authorization_origin",
        "token_auth_method",
        "sign_out",
    }
)
NEEDED = ("name", "server_url", "client_id", "claim", "field")
MULTIPLE_FACTORS = "mfa"  # RFC 8176 2


class SignOut(StrEnum):
    """Whether sign-out continues at the provider, and whether it needs the ID token."""

    HERE = "here"
    PROVIDER = "provider"
    WITH_TOKEN = "provider-with-token"  # noqa: S105 no secret


@dataclass(frozen=True)
class SsoProvider(IdentityProvider):
    """acr_values: asked for, and accepted as proof of a second factor; amr_values: accepted."""

    way = "sso"
    server_url: str
    client_id: str
    secret: str
    scopes: tuple[str, ...]
    token_auth_method: str
    acr_values: tuple[str, ...] = ()
    amr_values: tuple[str, ...] = ()
    sign_out: SignOut = SignOut.PROVIDER


def parse(provider_id: str, given: Any, *, secret: str, roles: frozenset[str]) -> SsoProvider:
    """Parse one entry of SSO_PROVIDERS. Raises ImproperlyConfigured, without the secret."""
    entry = ProviderSettings("SSO_PROVIDERS", provider_id, given)
    _check(entry)
    acr_values = entry.words("acr_values")
    return SsoProvider(
        id=provider_id,
        name=given["name"],
        server_url=entry.https("server_url"),
        client_id=given["client_id"],
        secret=secret,
        claim=given["claim"],
        field=given["field"],
        scopes=tuple(given.get("scopes", ("openid", "profile", "email"))),
        groups_claim=given.get("groups_claim", ""),
        roles=entry.roles(roles),
        asks_second_factor=given.get("second_factor") == "provider",
        acr_values=acr_values,
        amr_values=entry.words("amr_values", () if acr_values else (MULTIPLE_FACTORS,)),
        authorization_origin=given.get("authorization_origin") or origin(given["server_url"]),
        token_auth_method=given.get("token_auth_method", ""),
        sign_out=SignOut(given.get("sign_out", SignOut.PROVIDER)),
    )


def _check(entry: ProviderSettings) -> None:
    entry.check_keys(KEYS, needed=NEEDED, fields=FIELDS)
    given = entry.given
    if given.get("sign_out", SignOut.PROVIDER) not in list(SignOut):
        raise entry.wrong(f"has sign_out one of {', '.join(SignOut)}")
    if "openid" not in given.get("scopes", ("openid",)):
        raise entry.wrong("needs the scope openid")
    if given.get("second_factor") != "provider" and {"acr_values", "amr_values"} & set(given):
        raise entry.wrong("has acr_values and amr_values only where second_factor is provider")
