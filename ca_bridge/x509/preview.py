"""Preview of a profile's certificate with linter findings, without calling a CA.

Signed with a throw-away key by a non-existing issuer; what a CA adds (CRL address and the like) has sample
values, so that findings concern the profile alone.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID
from django.utils import timezone

from ca_bridge.contract import CertificateContent, CertificateOrder, KeyAlgorithm
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.x509 import csr, lint
from ca_bridge.x509.names import to_name
from ca_bridge.x509.profiles import ENCIPHERMENT, Profile, ProfileError, check_profile, render

if TYPE_CHECKING:
    from ca_bridge.x509.lint_engine import LintFinding

SAMPLE_ISSUER = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Preview")])
SAMPLE_URL = "http://pki.example.com/preview"
# The field of a profile that determines a node of the certificate; the first match counts.
_NODES = {
    "subjectaltname": "subject_alt_names",
    "extkeyusage": "extended_key_usage",
    "keyusage": "key_usage",
    "certificatepolicies": "policies",
    "tbscertificate.subject.": "subject",
}
_WORTH_SAYING = frozenset({"WARNING", "NOTICE"})


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark about a profile. part: the field of Profile concerned, or empty."""

    part: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """The rendered certificate (None where impossible) and remarks."""

    content: CertificateContent | None
    remarks: tuple[Remark, ...]

    @property
    def is_sound(self) -> bool:
        """Whether no remark forbids it."""
        return not any(remark.is_error for remark in self.remarks)


def preview(profile: Profile, fields: Mapping[str, str]) -> Preview:
    """Render the profile with these fields of a person and lint it. Raises nothing for its content."""
    try:
        check_profile(profile)
        content = render(profile, fields)
    except CaError as error:  # also of a name that its template makes of the person's fields
        part = error.part if isinstance(error, ProfileError) else ""
        return Preview(None, (Remark(part, error.message, is_error=True),))
    found = lint.findings(_draft(content))
    worth_saying = [each for each in found if each.is_error or each.severity in _WORTH_SAYING]
    return Preview(content, tuple(_remark(finding) for finding in worth_saying))


def _remark(finding: "LintFinding") -> Remark:
    sentence = f"{finding.where}. {finding.message}".lower()
    part = next((part for node, part in _NODES.items() if node in sentence), "")
    return Remark(part, str(finding), finding.is_error)


@functools.cache
def _key(algorithm: KeyAlgorithm) -> keys.PrivateKey:
    """Throw-away key of this process, for drafts only."""
    return keys.generate(algorithm)


def _draft(content: CertificateContent) -> bytes:
    """Draft for a key of the content's kind, valid for a year."""
    is_rsa = bool(ENCIPHERMENT & set(content.key_usage))
    public_key = _key(KeyAlgorithm.RSA_2048 if is_rsa else KeyAlgorithm.EC_P256).public_key()
    now = timezone.now().replace(microsecond=0)
    return _signed(content, public_key, (now, now + timedelta(days=365)))


def draft_of(order: CertificateOrder) -> bytes:
    """The to-be-signed certificate (DER) of an order, for CAs without Drafts."""
    public_key = x509.load_der_x509_csr(order.csr).public_key()
    return _signed(order.content, public_key, (order.not_before, order.not_after))


def _signed(
    content: CertificateContent, public_key: CertificatePublicKeyTypes, period: tuple[datetime, datetime]
) -> bytes:
    signer = _key(KeyAlgorithm.EC_P256)
    builder = (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .subject_name(to_name(content.subject))
        .issuer_name(SAMPLE_ISSUER)
        .public_key(public_key)
        .not_valid_before(period[0])
        .not_valid_after(period[1])
    )
    for extension, critical in (*_of_the_ca(signer), *csr.extensions(content)):
        builder = builder.add_extension(extension, critical=critical)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _of_the_ca(signer: keys.PrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
    """Extensions that every CA adds: RFC 5280 4.2.1.1, 4.2.1.9, 4.2.1.13, 4.2.2.1."""
    assert isinstance(signer, ec.EllipticCurvePrivateKey)  # noqa: S101 narrows the type
    url = x509.UniformResourceIdentifier(SAMPLE_URL)
    access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, url)
    point = x509.DistributionPoint([url], None, None, None)
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
        (x509.AuthorityInformationAccess([access]), False),
        (x509.CRLDistributionPoints([point]), False),
    ]
