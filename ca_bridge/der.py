"""Certificates that others wrote, in DER or PEM: what reading them can raise, and what stands above what."""

from collections.abc import Iterable
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

Extension = TypeVar("Extension", bound=x509.ExtensionType)

# What `cryptography` raises, some of it late, for a certificate that it cannot read, or a part of it.
MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def of_pem(pem: str) -> bytes:
    """The certificate as DER. Raises one of MALFORMED for what is none."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def is_for(certificate: x509.Certificate, csr: bytes) -> bool:
    """Whether its key is the one of the request; not where the key is of a kind that nobody reads here."""
    try:
        return certificate.public_key() == x509.load_der_x509_csr(csr).public_key()
    except MALFORMED:
        return False


def extension(present: x509.Extensions, kind: type[Extension]) -> Extension | None:
    """The value of that extension, where there is one."""
    try:
        return present.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def has_signed(above: x509.Certificate, below: x509.Certificate) -> bool:
    """Whether it is the issuer by name and signature."""
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, *MALFORMED):
        return False
    return True


def above(certificate: x509.Certificate, others: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    """The certificate's issuers (DER) among others, nearest first; a root has none."""
    left, chain, below = list(others), [], certificate
    while found := _issuer(below, left):
        chain.append(found.public_bytes(Encoding.DER))
        left.remove(found)
        below = found
    return tuple(chain)


def _issuer(below: x509.Certificate, others: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """By its name; of several, as of a CA that has a new key (RFC 5280 4.2.1.1), the one that has signed.

    Of several with the key that signed, one that is valid now: a root may have been renewed with its key.
    Then the root itself before what another root has certified of it: who stands above that may have ended.
    """
    named = [each for each in others if each.subject == below.issuer != below.subject]
    if len(named) > 1:
        signed = [each for each in named if has_signed(each, below)]
        named = sorted(signed, key=_last_choice) or named
    return named[0] if named else None


def _last_choice(issuer: x509.Certificate) -> tuple[bool, bool]:
    return not is_valid_now(issuer), issuer.issuer != issuer.subject


def is_valid_now(certificate: x509.Certificate) -> bool:
    """By its dates alone."""
    return certificate.not_valid_before_utc <= timezone.now() <= certificate.not_valid_after_utc
