"""Certificate bundles in replies: PKCS#7 certs-only (RFC 5652), or concatenated PEM."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ca_bridge.connection.reply import Reply
from ca_bridge.contract import CertificateOrder, Issued
from ca_bridge.x509 import der

_PEM_PKCS7, _PEM = (b"-----BEGIN PKCS7-----", b"-----BEGIN CMS-----"), b"-----BEGIN "


def certificates(octets: bytes) -> list[x509.Certificate]:
    """The certificates of a bundle, in PEM or DER. Raises one of der.MALFORMED."""
    if octets.lstrip().startswith(_PEM_PKCS7):
        return pkcs7.load_pem_pkcs7_certificates(octets)
    if octets.lstrip().startswith(_PEM):
        return x509.load_pem_x509_certificates(octets)
    return pkcs7.load_der_pkcs7_certificates(octets)


def issued(reply: Reply, order: CertificateOrder, found: Sequence[x509.Certificate]) -> Issued:
    """The certificate for the order's key among those of a reply, and its issuers, nearest first.

    If none has that key, the only end-entity certificate is returned: verification refuses it, and it is
    revoked. Raises garbled() where there is none, or several.
    """
    with reply.reading("certificates that can be read"):
        ours = [each for each in found if der.is_for(each, order.csr)]
        if not ours:
            (only,) = found if len(found) == 1 else [each for each in found if not _is_ca(each)]
            ours = [only]
        chain = der.chain_of(ours[0], [each for each in found if each is not ours[0]])
    return Issued(ours[0].public_bytes(Encoding.DER), chain)


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = der.extension(certificate.extensions, x509.BasicConstraints)
    return constraints is not None and constraints.ca
