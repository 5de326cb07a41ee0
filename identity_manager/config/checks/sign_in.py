"""Sign-in methods and passkeys."""

from collections.abc import Iterator

from django.conf import settings

from identity_manager.config.checks.finding import SettingsFinding, base_urls, host_of


def findings() -> Iterator[SettingsFinding]:
    """Each portal that is served here must be opened by something that there is."""
    for portal in settings.PORTALS:
        name = f"{portal.upper()}_BASE_URL"
        if settings.PASSKEY_DOMAIN and not _is_below(host_of(base_urls()[name]), settings.PASSKEY_DOMAIN):
            yield SettingsFinding(
                "E315",
                f"PASSKEY_DOMAIN must be the host of {name} or a domain above it; no browser would make or "
                "use a passkey otherwise.",
            )
        yield from _ways(portal)


def _ways(portal: str) -> Iterator[SettingsFinding]:
    """A way that has a setting of its own opens nothing without it."""
    ways = {
        "sso": ("SSO_PROVIDERS", settings.SSO_PROVIDERS),
        "saml": ("SAML_PROVIDERS", settings.SAML_PROVIDERS),
    }
    named = settings.SIGN_IN_METHODS[portal]
    if all(way in ways and not ways[way][1] for way in named):
        needed = " or ".join(ways[way][0] for way in named)
        yield SettingsFinding(
            "E311",
            f"SIGN_IN_METHODS_{portal.upper()} names {', '.join(named)} alone, and {needed} is not set: "
            "nobody could sign in.",
        )


def _is_below(host: str, domain: str) -> bool:
    return f".{host}".endswith(f".{domain}")
