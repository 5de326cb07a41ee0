"""Certificates that others wrote, in DER or PEM: what reading them can raise, and what stands above what."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

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


def above(certificate: x509.Certificate, others: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    """The certificate's issuers (DER) among others, nearest first, by their names; a root is none."""
    left, chain, below = list(others), [], certificate
    while found := next((each for each in left if each.subject == below.issuer != below.subject), None):
        chain.append(found.public_bytes(Encoding.DER))
        left.remove(found)
        below = found
    return tuple(chain)
