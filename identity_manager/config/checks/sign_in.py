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
        if settings.SIGN_IN_METHODS[portal] == ["sso"] and not settings.SSO_PROVIDERS:
            yield SettingsFinding(
                "E311",
                f"SIGN_IN_METHODS_{portal.upper()} names sso alone, and SSO_PROVIDERS names no provider: "
                "nobody could sign in.",
            )


def _is_below(host: str, domain: str) -> bool:
    return f".{host}".endswith(f".{domain}")
