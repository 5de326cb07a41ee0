"""Reads the providers of single sign-on; each secret comes from a variable or a file of its own."""

from typing import Any

from identity_manager.config import env
from identity_manager.people.sign_in import sso_provider
from identity_manager.people.sign_in.sso_provider import SsoProvider

# By their names, because the models are not there yet when settings are read; a test compares.
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
    """Return the providers by id. Raises ImproperlyConfigured with what is wrong, never with a secret."""
    return {
        name: sso_provider.parse(name, entry, secret=env.text(secret_setting(name), ""), roles=ROLES)
        for name, entry in given.items()
    }


def secret_setting(provider_id: str) -> str:
    """The setting with the client's secret; with _FILE, the file that holds it."""
    return f"SSO_SECRET_{provider_id.upper().replace('-', '_')}"
