"""The register of what the embedded CA has issued: entered once, looked up, let go of."""

import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import IntegrityError, transaction

from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.issued_files import IssuedFiles
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import (
    CertificateOrder,
    KeptCertificate,
)
from ca_bridge.errors import CaError
from ca_bridge.x509.der import MALFORMED


def of_order(ca: str, order: CertificateOrder) -> IssuedCertificate | None:
    """What was issued under the order's idempotency key."""
    return IssuedCertificate.objects.filter(ca=ca, request_id=order.idempotency_key).first()


def enter(ca: str, order: CertificateOrder, certificate: x509.Certificate, issuer: str) -> None:
    """Raises IntegrityError where the order, or its key, has a certificate already."""
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with transaction.atomic():
        IssuedCertificate.objects.create(
            ca=ca,
            issuer=issuer,
            request_id=order.idempotency_key,
            csr_sha256=sha256(order.csr),
            public_key_sha256=sha256(spki),
            **_facts(certificate),
        )


def own(ca: Authority, files: IssuedFiles, certificate: bytes) -> IssuedCertificate:
    """The row of a certificate that this CA issued; entered anew where a restore has lost it.

    Raises CaError, permanent, for what it has not issued.
    """
    serial = serial_hex(certificate)
    rows = IssuedCertificate.objects.filter(ca=ca.options.name, serial_hex=serial)
    row = rows.first() or _entered_anew(ca, files, certificate)
    if row is None or bytes(row.certificate) != certificate:
        raise CaError.not_issued_here(f"serial {serial}")
    return row


def _entered_anew(ca: Authority, files: IssuedFiles, certificate: bytes) -> IssuedCertificate | None:
    """From its file. Its order and its key may have another certificate by now, so neither is named."""
    found = x509.load_der_x509_certificate(certificate)
    issuer = next((each for each in ca.issuing_cas if _has_signed(ca.certificate(each), found)), None)
    if issuer is None or files.find(found.serial_number) != certificate:
        return None
    nobodys = f"found/{serial_hex(certificate)}"
    row = IssuedCertificate(
        ca=ca.options.name,
        issuer=issuer,
        request_id=nobodys,
        csr_sha256="",
        public_key_sha256=sha256(certificate),
        **_facts(found),
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:  # somebody else was first
        return IssuedCertificate.objects.filter(ca=ca.options.name, request_id=nobodys).first()
    return row


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *MALFORMED):
        return False
    return True


def _facts(certificate: x509.Certificate) -> dict[str, object]:
    return {
        "serial_hex": f"{certificate.serial_number:x}",
        "certificate": certificate.public_bytes(Encoding.DER),
        "not_after": certificate.not_valid_after_utc,
    }


def kept(ca: str, files: IssuedFiles, serial: int) -> KeptCertificate | None:
    """What is in the register under a serial number, or in a file that a restore has left."""
    row = IssuedCertificate.objects.filter(ca=ca, serial_hex=f"{serial:x}").first()
    if row is not None:
        return KeptCertificate(bytes(row.certificate), revoked=row.revoked_at is not None)
    found = files.find(serial)
    return KeptCertificate(found, revoked=False) if found else None


def forget(files: IssuedFiles, certificate: bytes) -> None:
    """Let go of the certificate; that it was issued, and whether it is revoked, stays by its serial.

    Also of what a CA of another name has issued here: the connection may have had that one before.
    """
    rows = IssuedCertificate.objects.filter(serial_hex=serial_hex(certificate), certificate=certificate)
    rows.update(certificate=b"")
    files.forget(int(serial_hex(certificate), 16))


def serial_hex(certificate: bytes) -> str:
    """As the register has it. Raises CaError, permanent, for what is no certificate."""
    try:
        return f"{x509.load_der_x509_certificate(certificate).serial_number:x}"
    except MALFORMED as error:
        raise CaError("This is not a certificate.", str(error), permanent=True) from error


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()
