"""Sign-in methods, as the settings name them, and which of them can be used."""

from collections.abc import Iterable

from django.conf import settings

PASSWORD, PASSKEY, SSO, SAML, CERTIFICATE = "password", "passkey", "sso", "saml", "certificate"


def configured(ways: Iterable[str]) -> list[str]:
    """Sign-in methods that can be used: some need a setting of their own."""
    needed = {
        SSO: settings.SSO_PROVIDERS,
        SAML: settings.SAML_PROVIDERS,
        CERTIFICATE: settings.CERTIFICATE_BASE_URL,
    }
    return [way for way in ways if way not in needed or needed[way]]
