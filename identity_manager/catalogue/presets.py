"""What a new certificate profile can begin with: profiles for a private CA, and for public e-mail.

Each is clean by pkilint once the organisation's own names are filled in; tests hold that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ca_bridge.x509.public_smime import LONGEST_DAYS, SPONSOR_MULTIPURPOSE, SPONSOR_STRICT
from identity_manager.models import CertificatePurpose
from identity_manager.models.catalogue.versioning import in_language

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
    """values: fields of CertificateProfile, without code and authority."""

    values: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What it is called, in the language that is active."""
        return in_language(self.values["name"], self.values["name_de"])

    @property
    def is_public(self) -> bool:
        """Whether it is for a CA that the public's mail programs trust."""
        return bool(self.values.get("policies"))


def _private(name: str, name_de: str, purpose: CertificatePurpose, **values: Any) -> Preset:
    return Preset({"name": name, "name_de": name_de, "purpose": purpose, "subject": PERSON, **values})


def _public(name: str, name_de: str, purpose: CertificatePurpose, **values: Any) -> Preset:
    common = {"subject": SPONSORED, "subject_alt_names": EMAIL, "longest_validity_days": LONGEST_DAYS}
    return Preset({"name": name, "name_de": name_de, "purpose": purpose, **common, **values})


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
        "Authentication",
        "Anmeldung",
        P.AUTHENTICATION,
        subject_alt_names=UPN,
        key_usage=["digitalSignature"],
        extended_key_usage=[CLIENT_AUTH, SMARTCARD_LOGON],
        include_sid=True,
    ),
    "vpn": _private(
        "VPN",
        "VPN",
        P.AUTHENTICATION,
        subject_alt_names=EMAIL,
        key_usage=["digitalSignature"],
        extended_key_usage=[CLIENT_AUTH],
    ),
    "signature": _private(
        "Signature",
        "Signatur",
        P.SIGNATURE,
        subject_alt_names=EMAIL,
        key_usage=_SIGNS,
        extended_key_usage=[EMAIL_PROTECTION],
    ),
    "encryption": _private(
        "Encryption",
        "Verschlüsselung",
        P.ENCRYPTION,
        subject_alt_names=EMAIL,
        key_usage=["keyEncipherment"],
        extended_key_usage=[EMAIL_PROTECTION],
    ),
    "encryption-ec": _private(
        "Encryption (EC keys)",
        "Verschlüsselung (EC-Schlüssel)",
        P.ENCRYPTION,
        subject_alt_names=EMAIL,
        key_usage=["keyAgreement"],
        extended_key_usage=[EMAIL_PROTECTION],
    ),
    "public-strict-signature": _public(
        "Public S/MIME, strict: signature",
        "Öffentliches S/MIME, strict: Signatur",
        P.SIGNATURE,
        key_usage=_SIGNS,
        **_STRICT,
    ),
    "public-strict-encryption": _public(
        "Public S/MIME, strict: encryption",
        "Öffentliches S/MIME, strict: Verschlüsselung",
        P.ENCRYPTION,
        key_usage=["keyEncipherment"],
        **_STRICT,
    ),
    "public-strict-combined": _public(
        "Public S/MIME, strict: signature and encryption",
        "Öffentliches S/MIME, strict: Signatur und Verschlüsselung",
        P.COMBINED,
        key_usage=["digitalSignature", "keyEncipherment"],
        **_STRICT,
    ),
    "public-multipurpose-signature": _public(
        "Public S/MIME, multipurpose: signature",
        "Öffentliches S/MIME, multipurpose: Signatur",
        P.SIGNATURE,
        key_usage=_SIGNS,
        **_SIGNING,
    ),
    "public-multipurpose-encryption": _public(
        "Public S/MIME, multipurpose: encryption",
        "Öffentliches S/MIME, multipurpose: Verschlüsselung",
        P.ENCRYPTION,
        key_usage=["keyEncipherment"],
        extended_key_usage=[EMAIL_PROTECTION],
        policies=[SPONSOR_MULTIPURPOSE],
    ),
    "public-multipurpose-combined": _public(
        "Public S/MIME, multipurpose: signature and encryption",
        "Öffentliches S/MIME, multipurpose: Signatur und Verschlüsselung",
        P.COMBINED,
        key_usage=["digitalSignature", "keyEncipherment"],
        **_MULTIPURPOSE,
    ),
}
