"""Gmail's requirements on certificates, checked before the call: Google returns HTTP 400 without a reason.

Sources: Google's pages "S/MIME certificate profiles" and "Manage trusted certificates for S/MIME": an
intermediate between the root and persons, a root that the Workspace trusts, RSA of 2048, 3072 or 4096 bits or
P-256 or P-384, SHA-256 or better. That a key signs no documents (nonRepudiation) is a rule of ours.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.utils.translation import gettext as _

from ca_bridge.x509.der import (
    MALFORMED,
    extension,
    has_signed,
    is_valid_now,
    issuers_of,
    may_sign_certificates,
)
from identity_manager.targets.contract import KeyFile, Refused

RSA_BITS = (2048, 3072, 4096)
CURVES = (ec.SECP256R1, ec.SECP384R1)
HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
SHORTEST_PATH = 3  # certificate, intermediate, root


def require(file: KeyFile, *, roots: Sequence[bytes]) -> None:
    """Raises Refused with the first requirement that it does not meet."""
    try:
        words = next(_obstacles(file, [x509.load_der_x509_certificate(root) for root in roots]), "")
    except MALFORMED:
        words = _("The certificate, or one of its chain, cannot be read.")
    if words:
        raise Refused(words)


def _obstacles(file: KeyFile, roots: Sequence[x509.Certificate]) -> Iterator[str]:
    certificate = x509.load_der_x509_certificate(file.certificate)
    if not is_valid_now(certificate):
        yield _("The certificate is not valid now: Gmail does not take it.")
    if not file.address:
        yield _("The certificate names no mail address, by which Gmail would know its mailbox.")
    usage = extension(certificate.extensions, x509.KeyUsage)
    if usage is not None and usage.content_commitment:
        yield _("The key signs documents (nonRepudiation): it does not leave.")
    purposes = extension(certificate.extensions, x509.ExtendedKeyUsage) or ()
    if ExtendedKeyUsageOID.EMAIL_PROTECTION not in purposes:
        yield _("The certificate does not say that it is for mail (emailProtection), as Gmail wants it.")
    chain = [x509.load_der_x509_certificate(each) for each in file.chain]
    yield from _of_the_path(_path(certificate, [*chain, *roots], roots), roots)


def _path(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """The path from the certificate to the first of the roots; to the last issuer if none is reached."""
    path = [certificate]
    for issuer in map(x509.load_der_x509_certificate, issuers_of(certificate, others)):
        path.append(issuer)
        if issuer in roots:
            break
    return path


def _of_the_path(path: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> Iterator[str]:
    sound = all(has_signed(above, below) and may_sign_certificates(above) for below, above in pairwise(path))
    if path[-1] not in roots or not sound or not all(map(is_valid_now, path)):
        yield _(
            "The chain of the certificate ends in none of the roots that Google trusts, as the settings say."
        )
    if len(path) < SHORTEST_PATH:
        yield _("Gmail wants an intermediate certificate authority: the root may not issue the certificate.")
    if not all(map(_has_fit_key, path)):
        yield _(
            "A key of the chain is not as Gmail wants it: RSA of 2048, 3072 or 4096 bits, P-256 or P-384."
        )
    if not all(isinstance(each.signature_hash_algorithm, HASHES) for each in path[:-1]):
        yield _("A signature of the chain is not as Gmail wants it: with SHA-256, SHA-384 or SHA-512.")


def _has_fit_key(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)
