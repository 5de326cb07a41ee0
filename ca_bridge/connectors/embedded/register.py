"""The register of certificates that the embedded CA has issued: insert, look up, delete."""

import hashlib
from collections.abc import Iterable

from cryptography import x509
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
from ca_bridge.x509.der import MALFORMED, has_signed


def of_order(ca: str, order: CertificateOrder) -> IssuedCertificate | None:
    """The row of the order's idempotency key."""
    return IssuedCertificate.objects.filter(ca=ca, request_id=order.idempotency_key).first()


def enter(ca: str, order: CertificateOrder, certificate: x509.Certificate, issuer: str) -> None:
    """Insert a row. Raises IntegrityError where the idempotency key or public key has one already."""
    with transaction.atomic():
        _row(ca, order, certificate, issuer).save(force_insert=True)


def enter_all(ca: str, signed: Iterable[tuple[CertificateOrder, x509.Certificate]], issuer: str) -> None:
    """Insert a row for each, or none: raises IntegrityError as enter does."""
    with transaction.atomic():
        IssuedCertificate.objects.bulk_create(_row(ca, *each, issuer) for each in signed)


def _row(ca: str, order: CertificateOrder, certificate: x509.Certificate, issuer: str) -> IssuedCertificate:
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return IssuedCertificate(
        ca=ca,
        issuer=issuer,
        request_id=order.idempotency_key,
        csr_sha256=sha256(order.csr),
        public_key_sha256=sha256(spki),
        **_facts(certificate),
    )


def own(ca: Authority, files: IssuedFiles, certificate: bytes) -> IssuedCertificate:
    """The row of a certificate that this CA issued; inserted again where a restore has lost it.

    Raises CaError, permanent, for any other certificate.
    """
    serial = serial_hex(certificate)
    rows = IssuedCertificate.objects.filter(ca=ca.options.name, serial_hex=serial)
    row = rows.first() or _entered_anew(ca, files, certificate)
    if row is None or bytes(row.certificate) != certificate:
        raise CaError.not_issued_here(f"serial {serial}")
    return row


def _entered_anew(ca: Authority, files: IssuedFiles, certificate: bytes) -> IssuedCertificate | None:
    """A row from the issued file, under a key of its own, as the order may have another by now."""
    found = x509.load_der_x509_certificate(certificate)
    issuer = next((each for each in ca.issuing_cas if has_signed(ca.certificate(each), found)), None)
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
    except IntegrityError:  # another process was first
        return IssuedCertificate.objects.filter(ca=ca.options.name, request_id=nobodys).first()
    return row


def _facts(certificate: x509.Certificate) -> dict[str, object]:
    return {
        "serial_hex": f"{certificate.serial_number:x}",
        "certificate": certificate.public_bytes(Encoding.DER),
        "not_after": certificate.not_valid_after_utc,
    }


def kept(ca: str, files: IssuedFiles, serial: int) -> KeptCertificate | None:
    """Look a serial number up in the register, else among the issued files."""
    row = IssuedCertificate.objects.filter(ca=ca, serial_hex=f"{serial:x}").first()
    if row is not None:
        return KeptCertificate(bytes(row.certificate), revoked=row.revoked_at is not None)
    found = files.find(serial)
    return KeptCertificate(found, revoked=False) if found else None


def forget(files: IssuedFiles, certificate: bytes) -> None:
    """Delete the certificate; serial number and revocation stay.

    Also of one that a CA of another name issued here: the connection may have had that CA before.
    """
    rows = IssuedCertificate.objects.filter(serial_hex=serial_hex(certificate), certificate=certificate)
    rows.update(certificate=b"")
    files.forget(int(serial_hex(certificate), 16))


def serial_hex(certificate: bytes) -> str:
    """The serial number as the register has it. Raises CaError, permanent, for no certificate."""
    try:
        return f"{x509.load_der_x509_certificate(certificate).serial_number:x}"
    except MALFORMED as error:
        raise CaError("This is not a certificate.", str(error), permanent=True) from error


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()
