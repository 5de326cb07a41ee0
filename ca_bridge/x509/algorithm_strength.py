"""Weak algorithms: broken hashes and short keys in a certification path."""

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from ca_bridge.x509.der import is_root

# S/MIME Baseline Requirements 6.1.5, 7.1.3.2; NIST SP 800-131A
_BROKEN = (hashes.MD5, hashes.SHA1)
LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 256


def faults(path: Sequence[x509.Certificate]) -> Iterator[str]:
    """Yield weaknesses in a path: a certificate, then its issuers, nearest first.

    Raises one of der.MALFORMED for an issuer's unsupported key.
    """
    own, *issuers = path
    if found := _broken_hash(own, issuers):
        yield f"it is signed over {found}, which clients do not trust"
    yield from of_issuers(issuers)


def of_issuers(issuers: Sequence[x509.Certificate]) -> Iterator[str]:
    """As faults(), for CA certificates."""
    for issuer in issuers:
        if found := _broken_hash(issuer, issuers):
            yield f"{_named(issuer)} is signed over {found}, which clients do not trust"
        if found := _weak_key(issuer):
            yield f"{_named(issuer)} has {found}, which clients do not trust"


def _broken_hash(certificate: x509.Certificate, issuers: Sequence[x509.Certificate]) -> str:
    """Ignores self-signed certificates, which are trusted as such."""
    if is_root(certificate, issuers):
        return ""
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:  # reported by the check of the issuer's signature
        return ""
    return algorithm.name.upper() if isinstance(algorithm, _BROKEN) else ""


def _weak_key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, dsa.DSAPublicKey):
        return "a DSA key"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        return f"an RSA key of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < LEAST_EC_BITS:
        return f"a key on the curve {key.curve.name}"
    return ""


def _named(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()
