"""OpenID Connect provider, as configured in SSO_PROVIDERS."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

# Fields of a person that a claim may be matched with; must be unique, or the sign-in is refused.
FIELDS = ("external_id", "upn", "email", "personnel_number")
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
        "authorization_origin",
        "token_auth_method",
        "sign_out",
    }
)
NEEDED = ("name", "server_url", "client_id", "claim", "field")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SignOut(StrEnum):
    """Whether sign-out continues at the provider, and whether it needs the ID token."""

    HERE = "here"
    PROVIDER = "provider"
    WITH_TOKEN = "provider-with-token"  # noqa: S105 no secret


@dataclass(frozen=True)
class SsoProvider:
    """claim: the claim that is matched with field; roles: provider groups to our roles."""

    id: str
    name: str
    server_url: str
    client_id: str
    secret: str
    claim: str
    field: str
    scopes: tuple[str, ...]
    groups_claim: str
    roles: Mapping[str, str]
    asks_second_factor: bool
    authorization_origin: str
    token_auth_method: str
    sign_out: SignOut = SignOut.PROVIDER


def parse(provider_id: str, given: Any, *, secret: str, roles: frozenset[str]) -> SsoProvider:
    """Parse one entry of SSO_PROVIDERS. Raises ImproperlyConfigured, without the secret."""
    if not isinstance(given, dict) or not provider_id.replace("-", "").isalnum():
        raise _wrong(provider_id, "must be a JSON object under a name of letters, digits and hyphens")
    _check_keys(provider_id, given)
    mapping = given.get("roles", {})
    unknown = sorted(set(mapping.values()) - roles) if isinstance(mapping, dict) else ["roles"]
    if unknown:
        raise _wrong(provider_id, f"maps groups to roles that do not exist: {', '.join(map(str, unknown))}")
    return SsoProvider(
        id=provider_id,
        name=given["name"],
        server_url=_https(provider_id, given["server_url"]),
        client_id=given["client_id"],
        secret=secret,
        claim=given["claim"],
        field=given["field"],
        scopes=tuple(given.get("scopes", ("openid", "profile", "email"))),
        groups_claim=given.get("groups_claim", ""),
        roles=mapping,
        asks_second_factor=given.get("second_factor") == "provider",
        authorization_origin=given.get("authorization_origin") or origin(given["server_url"]),
        token_auth_method=given.get("token_auth_method", ""),
        sign_out=SignOut(given.get("sign_out", SignOut.PROVIDER)),
    )


def _check_keys(provider_id: str, given: Mapping[str, Any]) -> None:
    if unknown := sorted(set(given) - KEYS):
        raise _wrong(provider_id, f"does not know {', '.join(unknown)}; it knows {', '.join(sorted(KEYS))}")
    if missing := [name for name in NEEDED if not given.get(name) or not isinstance(given[name], str)]:
        raise _wrong(provider_id, f"needs {', '.join(missing)}")
    if given["field"] not in FIELDS:
        raise _wrong(provider_id, f"compares with one of {', '.join(FIELDS)}")
    if given.get("second_factor", "here") not in {"provider", "here"}:
        raise _wrong(provider_id, "has second_factor either provider or here")
    if given.get("sign_out", SignOut.PROVIDER) not in list(SignOut):
        raise _wrong(provider_id, f"has sign_out one of {', '.join(SignOut)}")
    if "openid" not in given.get("scopes", ("openid",)):
        raise _wrong(provider_id, "needs the scope openid")


def _https(provider_id: str, url: str) -> str:
    if not is_secure(url):
        raise _wrong(provider_id, "needs a server_url that begins with https://")
    return url.rstrip("/")


def is_secure(url: object) -> bool:
    """Whether the address is https, or on this machine."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        return False
    if parts is None or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _wrong(provider_id: str, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"SSO_PROVIDERS: {provider_id!r} {what}.")
