"""Presets for new certificate profiles: for a private CA, and for public e-mail.

Each is clean by pkilint once the organisation's own names are filled in; tests hold that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509.public_smime import LONGEST_DAYS, SPONSOR_MULTIPURPOSE, SPONSOR_STRICT
from identity_manager.models import CertificatePurpose
from identity_manager.models.text_in_languages import translated

# RFC 5280 4.2.1.12, RFC 9336, and Microsoft's logon with a certificate.
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36"
SMARTCARD_LOGON = "1.3.6.1.4.1.311.20.2.2"

PERSON = [
    ["commonName", "{display_name}"],
    ["givenName", "{given_name}"],
    ["surname", "{surname}"],
    ["serialNumber", "{personnel_number}"],
]
# The empty ones are the organisation's own, which no preset can know: a profile is not saved without them.
SPONSORED = [["organizationName", ""], ["organizationIdentifier", ""], *PERSON]
EMAIL, UPN = [["email", "{email}"]], [["upn", "{upn}"]]


@dataclass(frozen=True)
class Preset:
    """fields: of CertificateProfile, without name, code and authority."""

    name: Promise
    fields: Mapping[str, Any]

    @property
    def values(self) -> dict[str, Any]:
        """Fields of CertificateProfile, named in every language of the installation."""
        return {"name": translated(self.name), **self.fields}

    @property
    def is_public(self) -> bool:
        """Whether it is for a CA that the public's mail programs trust."""
        return bool(self.fields.get("policies"))


def _private(name: Promise, purpose: CertificatePurpose, **fields: Any) -> Preset:
    return Preset(name, {"purpose": purpose, "subject": PERSON, **fields})


def _public(name: Promise, purpose: CertificatePurpose, **fields: Any) -> Preset:
    common = {"subject": SPONSORED, "subject_alt_names": EMAIL, "longest_validity_days": LONGEST_DAYS}
    return Preset(name, {"purpose": purpose, **common, **fields})


_SIGNS = ["digitalSignature", "nonRepudiation"]
_STRICT = {"extended_key_usage": [EMAIL_PROTECTION], "policies": [SPONSOR_STRICT]}
_MULTIPURPOSE = {
    "extended_key_usage": [EMAIL_PROTECTION, CLIENT_AUTH],
    "policies": [SPONSOR_MULTIPURPOSE],
}
_SIGNING = {
    "extended_key_usage": [EMAIL_PROTECTION, CLIENT_AUTH, DOCUMENT_SIGNING],
    "policies": [SPONSOR_MULTIPURPOSE],
}
P = CertificatePurpose
PRESETS: dict[str, Preset] = {
    "authentication": _private(
        _("Authentication"),
        P.AUTHENTICATION,
        subject_alt_names=UPN,
        key_usage=["digitalSignature"],
        extended_key_usage=[CLIENT_AUTH, SMARTCARD_LOGON],
        include_sid=True,
    ),
    "vpn": _private(
        _("VPN"),
        P.AUTHENTICATION,
        subject_alt_names=EMAIL,
        key_usage=["digitalSignature"],
        extended_key_usage=[CLIENT_AUTH],
    ),
    "signature": _private(
        _("Signature"),
        P.SIGNATURE,
        subject_alt_names=EMAIL,
        key_usage=_SIGNS,
        extended_key_usage=[EMAIL_PROTECTION],
    ),
    "encryption": _private(
        _("Encryption"),
        P.ENCRYPTION,
        subject_alt_names=EMAIL,
        key_usage=["keyEncipherment"],
        extended_key_usage=[EMAIL_PROTECTION],
    ),
    "encryption-ec": _private(
        _("Encryption (EC keys)"),
        P.ENCRYPTION,
        subject_alt_names=EMAIL,
        key_usage=["keyAgreement"],
        extended_key_usage=[EMAIL_PROTECTION],
    ),
    "public-strict-signature": _public(
        _("Public S/MIME, strict: signature"),
        P.SIGNATURE,
        key_usage=_SIGNS,
        **_STRICT,
    ),
    "public-strict-encryption": _public(
        _("Public S/MIME, strict: encryption"),
        P.ENCRYPTION,
        key_usage=["keyEncipherment"],
        **_STRICT,
    ),
    "public-strict-combined": _public(
        _("Public S/MIME, strict: signature and encryption"),
        P.COMBINED,
        key_usage=["digitalSignature", "keyEncipherment"],
        **_STRICT,
    ),
    "public-multipurpose-signature": _public(
        _("Public S/MIME, multipurpose: signature"),
        P.SIGNATURE,
        key_usage=_SIGNS,
        **_SIGNING,
    ),
    "public-multipurpose-encryption": _public(
        _("Public S/MIME, multipurpose: encryption"),
        P.ENCRYPTION,
        key_usage=["keyEncipherment"],
        extended_key_usage=[EMAIL_PROTECTION],
        policies=[SPONSOR_MULTIPURPOSE],
    ),
    "public-multipurpose-combined": _public(
        _("Public S/MIME, multipurpose: signature and encryption"),
        P.COMBINED,
        key_usage=["digitalSignature", "keyEncipherment"],
        **_MULTIPURPOSE,
    ),
}
