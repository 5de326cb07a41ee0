"""Reads the identity providers; each secret comes from a variable or a file of its own."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import env
from identity_manager.people.sign_in import saml_provider, sso_provider
from identity_manager.people.sign_in.saml_provider import SamlProvider
from identity_manager.people.sign_in.sso_provider import SsoProvider

# Field names as strings: models are not loaded when settings are read. A test compares them.
ROLES = frozenset(
    {
        "self-service-user",
        "token-administrator",
        "approver",
        "registration-officer",
        "user-administrator",
        "recovery-officer",
        "auditor",
        "system-administrator",
    }
)


def providers(given: dict[str, Any]) -> dict[str, SsoProvider]:
    """Return the providers by id. Raises ImproperlyConfigured, without any secret."""
    return {
        name: sso_provider.parse(name, entry, secret=env.text(secret_setting(name), ""), roles=ROLES)
        for name, entry in given.items()
    }


def saml_providers(given: dict[str, Any], *, taken: Collection[str]) -> dict[str, SamlProvider]:
    """Return the SAML providers by id; none has the id of another provider. Raises ImproperlyConfigured."""
    if twice := sorted(set(given) & set(taken)):
        raise ImproperlyConfigured(f"SSO_PROVIDERS and SAML_PROVIDERS both name {', '.join(twice)}.")
    return {
        name: saml_provider.parse(name, entry, read=_content, roles=ROLES) for name, entry in given.items()
    }


def _content(path: str) -> bytes:
    return Path(env.readable("SAML_PROVIDERS", path)).read_bytes()


def secret_setting(provider_id: str) -> str:
    """The setting with the client's secret; with _FILE, the file that holds it."""
    return f"SSO_SECRET_{provider_id.upper().replace('-', '_')}"
