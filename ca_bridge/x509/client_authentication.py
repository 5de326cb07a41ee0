"""Client certificates for sign-in: chain, validity, extended key usage (RFC 5280 6.1)."""

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca_bridge.errors import CaError
from ca_bridge.x509.certificates import load
from ca_bridge.x509.der import MALFORMED, extension, is_valid_now
from ca_bridge.x509.verification import chain_faults


def faults(der: bytes, trusted: Sequence[bytes]) -> list[str]:
    """Faults of a client certificate (DER), for operators; empty if it is acceptable.

    trusted: DER of the CAs, intermediates included. Revocation is not checked here.
    """
    try:
        return list(_faults(load(der), trusted))
    except (CaError, *MALFORMED):
        return ["it cannot be read"]


def _faults(certificate: x509.Certificate, trusted: Sequence[bytes]) -> Iterator[str]:
    if not is_valid_now(certificate):
        yield "it is not valid now"
    constraints = extension(certificate.extensions, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield "it is a certificate of a CA"
    usage = extension(certificate.extensions, x509.ExtendedKeyUsage)
    if usage is None or ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        yield "it is not for client authentication"
    yield from chain_faults(certificate, (), trusted)
