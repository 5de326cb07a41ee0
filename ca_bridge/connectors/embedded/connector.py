"""The connector to the CA that lives in this installation."""

import functools
import hashlib
from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.connectors.embedded import authority, crls, wire
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.crls import Issuer
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.connectors.embedded.wire import Period, Signer
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.errors import CaError

BACKDATING = timedelta(minutes=5)  # for clients whose clocks are slow
MINIMUM_RSA_BITS = 2048
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM


class EmbeddedConnector:
    """Issues, finds, drafts, revokes, holds and releases; signs and publishes its CRLs."""

    Options = EmbeddedOptions

    def __init__(self, options: EmbeddedOptions) -> None:
        self.options = options

    @functools.cached_property
    def _authority(self) -> Authority:
        return authority.load(self.options)

    @functools.cached_property
    def _draft_signer(self) -> Signer:
        """A throw-away key: a draft that leaks is worth nothing."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=MINIMUM_RSA_BITS)
        return self._authority.issuing.with_key(key)

    def initialise(self) -> bool:
        """Make the CA where there is none: True if it was made now."""
        return authority.initialise(self.options)

    # --- issuing

    def issue(self, order: CertificateOrder) -> Answer:
        """Issue at most one certificate for an idempotency key, however often and by whomever it is asked."""
        known = self._registered(order)
        if known is not None:
            return self._again(known, order)
        refusal = self._refusal(order)
        if refusal is not None:
            return refusal
        certificate = self._sign(order, self._authority.issuing)
        try:
            with transaction.atomic():
                self._register(order, certificate)
        except IntegrityError:
            return self._lost_race(order)
        return self._issued(certificate.public_bytes(DER))

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """This CA decides at once; the handle says nothing more than the order."""
        return self.issue(order)

    def find(self, order: CertificateOrder) -> Issued | None:
        """Return what was issued for the order's idempotency key and request."""
        known = self._registered(order)
        answer = self._again(known, order) if known is not None else None
        return answer if isinstance(answer, Issued) else None

    def draft(self, order: CertificateOrder) -> bytes:
        """Return what issue() would sign, signed by a throw-away key."""
        return self._sign(order, self._draft_signer).public_bytes(DER)

    def _registered(self, order: CertificateOrder) -> IssuedCertificate | None:
        rows = IssuedCertificate.objects.filter(ca=self.options.name, request_id=order.idempotency_key)
        return rows.first()

    def _again(self, known: IssuedCertificate, order: CertificateOrder) -> Answer:
        if known.csr_sha256 != _sha256(order.csr):
            return Refused(
                _("This request has been answered already, for another key."),
                f"request id {order.idempotency_key}, serial {known.serial_hex}",
            )
        return self._issued(bytes(known.certificate))

    def _lost_race(self, order: CertificateOrder) -> Answer:
        known = self._registered(order)
        if known is not None:
            return self._again(known, order)
        return Refused(_("This key has a certificate already."), f"request id {order.idempotency_key}")

    def _issued(self, certificate: bytes) -> Issued:
        return Issued(certificate, (self._authority.issuing.certificate.public_bytes(DER),))

    def _refusal(self, order: CertificateOrder) -> Refused | None:
        request = _load_request(order.csr)
        if request is None:
            return Refused(_("The request cannot be read."), "no PKCS#10, or its signature is wrong")
        key = request.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or (
            isinstance(key, rsa.RSAPublicKey) and key.key_size < MINIMUM_RSA_BITS
        ):
            return Refused(_("This kind of key is not certified here."), type(key).__name__)
        if self._period(order).end <= timezone.now():
            return Refused(_("The certificate would have ended already."), f"until {order.not_after}")
        return None

    def _period(self, order: CertificateOrder) -> Period:
        """As ordered, begun a little earlier, and never outside the validity of the CA."""
        ca = self._authority.issuing.certificate
        start = max(order.not_before, timezone.now()) - BACKDATING
        return Period(
            max(start, ca.not_valid_before_utc).replace(microsecond=0),
            min(order.not_after, ca.not_valid_after_utc).replace(microsecond=0),
        )

    def _sign(self, order: CertificateOrder, signer: Signer) -> x509.Certificate:
        return wire.end_entity(
            x509.load_der_x509_csr(order.csr),
            signer=signer,
            period=self._period(order),
            publication=authority.issuing_publication(self.options),
        )

    def _register(self, order: CertificateOrder, certificate: x509.Certificate) -> None:
        spki = certificate.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        IssuedCertificate.objects.create(
            ca=self.options.name,
            request_id=order.idempotency_key,
            csr_sha256=_sha256(order.csr),
            public_key_sha256=_sha256(spki),
            serial_hex=f"{certificate.serial_number:x}",
            certificate=certificate.public_bytes(DER),
            not_after=certificate.not_valid_after_utc,
        )

    # --- revocation

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        """Revoke, and sign a new CRL. A hold becomes a revocation for good; never the other way round."""
        row = self._own(certificate)
        open_rows = Q(revoked_at=None)
        if reason is not RevocationReason.CERTIFICATE_HOLD:
            open_rows |= Q(reason=RevocationReason.CERTIFICATE_HOLD)
        changed = IssuedCertificate.objects.filter(open_rows, pk=row.pk).update(
            revoked_at=timezone.now().replace(microsecond=0), reason=reason
        )
        # Also where nothing changed: whoever revoked it may have died before the CRL was signed.
        crls.renew(self.options.name, Issuer.ISSUING, self._authority.issuing)
        return RevocationOutcome.REVOKED if changed else RevocationOutcome.ALREADY_REVOKED

    def release(self, certificate: bytes) -> bool:
        """End a hold; the next CRL, signed now, no longer lists the certificate (RFC 5280 5.3.1)."""
        row = self._own(certificate)
        held = IssuedCertificate.objects.filter(pk=row.pk, reason=RevocationReason.CERTIFICATE_HOLD)
        changed = held.update(revoked_at=None, reason="")
        crls.renew(self.options.name, Issuer.ISSUING, self._authority.issuing)
        return bool(changed)

    def _own(self, certificate: bytes) -> IssuedCertificate:
        try:
            serial = x509.load_der_x509_certificate(certificate).serial_number
        except ValueError as error:
            raise CaError("This is not a certificate.", str(error), permanent=True) from error
        row = IssuedCertificate.objects.filter(ca=self.options.name, serial_hex=f"{serial:x}").first()
        if row is None or bytes(row.certificate) != certificate:
            raise CaError(_("This CA has not issued this certificate."), f"serial {serial:x}", permanent=True)
        return row

    # --- what others read

    def chain(self) -> Sequence[bytes]:
        """Return issuing CA and root."""
        signers = (self._authority.issuing, self._authority.root)
        return tuple(signer.certificate.public_bytes(DER) for signer in signers)

    def health(self) -> Health:
        """Whether the keys open and the CRL is not overdue."""
        try:
            ca = self._authority.issuing.certificate
        except CaError as error:
            return Health(ok=False, detail=f"{error.message} {error.detail}".strip())
        crl = crls.present(self.options.name, Issuer.ISSUING)
        if crl is not None and crl.next_update is not None and crl.next_update <= timezone.now():
            return Health(ok=False, detail=f"The CRL ended at {crl.next_update:%Y-%m-%d %H:%M} UTC.")
        name = ca.subject.rfc4514_string()
        return Health(ok=True, detail=f"{name}, until {ca.not_valid_after_utc:%Y-%m-%d}.")

    def renew_crl_if_due(self) -> bool:
        """Sign each CRL that is older than a day, or was never signed."""
        due = [issuer for issuer in Issuer if crls.is_due(crls.present(self.options.name, issuer))]
        for issuer in due:
            crls.renew(self.options.name, issuer, self._signer(issuer))
        return bool(due)

    def published(self, file_name: str) -> tuple[str, bytes] | None:
        """Return content type and content of NAME.crl, .crt, .pem and the root's NAME-root.*, or none."""
        stem, _dot, suffix = file_name.rpartition(".")
        issuer = {self.options.name: Issuer.ISSUING, f"{self.options.name}-root": Issuer.ROOT}.get(stem)
        if issuer is None:
            return None
        certificate = self._signer(issuer).certificate
        match suffix:
            case "crl":
                return "application/pkix-crl", self._crl(issuer)
            case "crt":
                return "application/pkix-cert", certificate.public_bytes(DER)
            case "pem":
                return "application/x-pem-file", certificate.public_bytes(PEM)
        return None

    def _crl(self, issuer: Issuer) -> bytes:
        crl = crls.present(self.options.name, issuer)
        if crl is None:
            return crls.renew(self.options.name, issuer, self._signer(issuer))
        return bytes(crl.der)

    def _signer(self, issuer: Issuer) -> Signer:
        return self._authority.root if issuer is Issuer.ROOT else self._authority.issuing


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _load_request(csr: bytes) -> x509.CertificateSigningRequest | None:
    try:
        request = x509.load_der_x509_csr(csr)
        return request if request.is_signature_valid else None
    except ValueError:
        return None
