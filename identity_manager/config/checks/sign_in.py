"""Checks of sign-in methods, client certificates and passkeys."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from urllib.parse import urlsplit

from django.conf import settings

from identity_manager.config.checks.finding import SettingsFinding, base_urls, host_of

SECRET_LENGTH = 20


def findings() -> Iterator[SettingsFinding]:
    """Each served portal has at least one sign-in method that is configured."""
    yield from _certificates()
    for portal in settings.PORTALS:
        name = f"{portal.upper()}_BASE_URL"
        if settings.PASSKEY_DOMAIN and not _is_below(host_of(base_urls()[name]), settings.PASSKEY_DOMAIN):
            yield SettingsFinding(
                "E315",
                f"PASSKEY_DOMAIN must be the host of {name} or a domain above it; no browser would make or "
                "use a passkey otherwise.",
            )
        yield from _ways(portal)


def _certificates() -> Iterator[SettingsFinding]:
    """Headers with client certificates are trusted by the proxy's address, or by a shared secret."""
    url, secret = settings.CERTIFICATE_BASE_URL, settings.CERTIFICATE_PROXY_SECRET
    if not url:
        return
    if not settings.CERTIFICATE_CAS:
        yield SettingsFinding(
            "E318", "CERTIFICATE_BASE_URL needs CERTIFICATE_CA_FILE: whose certificates sign in."
        )
    if (secret or not _is_on_this_machine(settings.PROXY_ADDRESSES)) and len(secret) < SECRET_LENGTH:
        yield SettingsFinding(
            "E319",
            "PROXY_ADDRESSES names other machines, and what they say of certificates is believed by a secret "
            f"alone: CERTIFICATE_PROXY_SECRET needs at least {SECRET_LENGTH} random characters.",
        )
    if host_of(url) in map(host_of, base_urls().values()):
        yield SettingsFinding(
            "E320",
            "CERTIFICATE_BASE_URL needs a host name of its own: browsers are asked for a certificate there.",
        )
    if not settings.EMBEDDED and urlsplit(url).scheme != "https":
        yield SettingsFinding("E321", "Production needs CERTIFICATE_BASE_URL to begin with https://.")


def _is_on_this_machine(networks: Sequence[str]) -> bool:
    return all(ip_network(each).is_loopback for each in networks)


def _ways(portal: str) -> Iterator[SettingsFinding]:
    """Sign-in methods whose own settings are missing."""
    ways = {
        "sso": ("SSO_PROVIDERS", settings.SSO_PROVIDERS),
        "saml": ("SAML_PROVIDERS", settings.SAML_PROVIDERS),
        "certificate": ("CERTIFICATE_BASE_URL", settings.CERTIFICATE_BASE_URL),
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
