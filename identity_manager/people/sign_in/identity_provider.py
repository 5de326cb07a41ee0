"""Common settings of identity providers: matching of persons, and mapping of groups to roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

# Fields of a person that a claim may be matched with; must be unique, or the sign-in is refused.
FIELDS = ("external_id", "upn", "email", "personnel_number")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class IdentityProvider:
    """claim: the claim that is matched with field; roles: provider groups to our roles.

    asks_second_factor: the second factor is left to the provider, whose answer must prove it each time.
    authorization_origin: where its sign-in page lies. way: the way of signing in, as the settings name it.
    """

    way: ClassVar[str]
    id: str
    name: str
    claim: str
    field: str
    groups_claim: str
    roles: Mapping[str, str]
    asks_second_factor: bool
    authorization_origin: str


class ProviderSettings:
    """One entry of a setting of providers. Its checks raise ImproperlyConfigured, never with a secret."""

    def __init__(self, setting: str, provider_id: str, given: Any) -> None:
        self._where = f"{setting}: {provider_id!r}"
        if not isinstance(given, dict) or not provider_id.replace("-", "").isalnum():
            raise self.wrong("must be a JSON object under a name of letters, digits and hyphens")
        self.given: dict[str, Any] = given

    def check_keys(self, known: frozenset[str], *, needed: tuple[str, ...], fields: tuple[str, ...]) -> None:
        """Refuse unknown keys, missing ones, and what no provider may say otherwise."""
        given = self.given
        if unknown := sorted(set(given) - known):
            raise self.wrong(f"does not know {', '.join(unknown)}; it knows {', '.join(sorted(known))}")
        if missing := [name for name in needed if not given.get(name) or not isinstance(given[name], str)]:
            raise self.wrong(f"needs {', '.join(missing)}")
        if given["field"] not in fields:
            raise self.wrong(f"compares with one of {', '.join(fields)}")
        if given.get("second_factor", "here") not in {"provider", "here"}:
            raise self.wrong("has second_factor either provider or here")

    def roles(self, known: frozenset[str]) -> Mapping[str, str]:
        """The map of groups to roles."""
        mapping = self.given.get("roles", {})
        unknown = sorted(set(mapping.values()) - known) if isinstance(mapping, dict) else ["roles"]
        if unknown:
            raise self.wrong(f"maps groups to roles that do not exist: {', '.join(map(str, unknown))}")
        return dict(mapping)

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of words without spaces, which are what separates them in a message."""
        words = self.given.get(name, list(default))
        if not isinstance(words, list) or not all(isinstance(each, str) and each.split() for each in words):
            raise self.wrong(f"has in {name} a list of words")
        if any(len(each.split()) != 1 for each in words):
            raise self.wrong(f"has in {name} words without spaces")
        return tuple(words)

    def https(self, name: str) -> str:
        """An address, without a slash at its end."""
        url = self.given[name]
        if not is_secure(url):
            raise self.wrong(f"needs a {name} that begins with https://")
        return str(url).rstrip("/")

    def wrong(self, what: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"{self._where} {what}.")


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
