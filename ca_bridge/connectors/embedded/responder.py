"""The OCSP responder of one CA: its signers, renewed in time, and the answers that are kept."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import load_der_x509_certificate
from cryptography.x509.ocsp import OCSPRequest
from django.utils import timezone

from ca_bridge.connectors.embedded import key_store, ocsp, wire
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.models import OcspSigner
from ca_bridge.connectors.embedded.wire import Signer, ValidityPeriod

SIGNER_LIFETIME = timedelta(days=14)
SIGNER_RENEWAL = timedelta(days=7)  # before its end, so that a week without us does no harm
SIGNER_BITS = 2048
_BACKDATED = timedelta(hours=1)  # for clients whose clocks are slow
_REFRESH = 0.5  # of its lifetime an answer is kept, so that who gets it can keep it too
MAX_KEPT = 4000  # of 2 kB each


class Responder:
    """Answers for the issuers of one CA. One instance serves all threads."""

    def __init__(self, ca: Authority) -> None:
        self._ca = ca
        self._name = ca.options.name
        self._signers: dict[str, Signer] = {}
        self._kept = ResponseCache()

    def answer(self, request: OCSPRequest, issuer: str) -> bytes:
        """Return the answer (DER): signed now where the request has a nonce, else one that is kept."""
        now = timezone.now().replace(microsecond=0)
        found = ocsp.status(self._name, issuer, request.serial_number)
        if len(request.extensions):
            return ocsp.sign(request, found, self._signer(issuer), now)
        asked = (issuer, request.hash_algorithm.name, request.serial_number)
        kept = self._kept.get(asked, found, now)
        if kept is None:
            kept = ocsp.sign(request, found, self._signer(issuer), now)
            self._kept.put(asked, found, kept)
        return kept

    def renew_if_due(self, issuer: str) -> bool:
        """Make a new signer where there is none that holds long enough and opens as web processes open it."""
        own = key_store.ocsp_passphrase(self._ca.options)
        if self._stored(issuer, at_least=SIGNER_RENEWAL, passphrases=[own]):
            return False
        self._renew(issuer)
        return True

    def _signer(self, issuer: str) -> Signer:
        """Return one that outlives the answers; the database is asked again in the last days of ours."""
        known = self._signers.get(issuer)
        if known is None or _left(known) < SIGNER_RENEWAL:
            known = self._stored(issuer, at_least=ocsp.LIFETIME) or self._renew(issuer)
            self._signers[issuer] = known
        return known

    def _stored(
        self, issuer: str, *, at_least: timedelta, passphrases: Sequence[bytes] = ()
    ) -> Signer | None:
        """Return the signer in the database, if it is of this CA, opens, and holds so long."""
        row = OcspSigner.objects.filter(ca=self._name, issuer=issuer, not_after__gt=timezone.now() + at_least)
        for found in row:
            certificate = load_der_x509_certificate(bytes(found.certificate))
            for passphrase in passphrases or self._passphrases():
                with suppress(ValueError, TypeError, InvalidSignature):
                    certificate.verify_directly_issued_by(self._ca.certificate(issuer))
                    key = key_store.decrypt(bytes(found.key), passphrase)
                    return Signer(certificate, key, issuer)
        return None

    def _passphrases(self) -> list[bytes]:
        """Their own, and that of the CA: the signer may be of a time, or a process, without their own."""
        options = self._ca.options
        found = [key_store.ocsp_passphrase(options)]
        return [*found, key_store.passphrase(options)] if options.signs else found

    def _renew(self, issuer: str) -> Signer:
        """Two who renew at once: both signers hold, and the later one stays."""
        now = timezone.now().replace(microsecond=0)
        key = rsa.generate_private_key(public_exponent=65537, key_size=SIGNER_BITS)
        certificate = wire.ocsp_signer(
            wire.ca_name(self._ca.options.organisation, f"{self._name} OCSP responder"),
            key.public_key(),
            signer=self._ca.signer(issuer),
            period=ValidityPeriod(now - _BACKDATED, now + SIGNER_LIFETIME),
        )
        values = {
            "certificate": certificate.public_bytes(serialization.Encoding.DER),
            "key": key_store.encrypt(key, key_store.ocsp_passphrase(self._ca.options)),
            "not_after": certificate.not_valid_after_utc,
        }
        OcspSigner.objects.update_or_create(ca=self._name, issuer=issuer, defaults=values)
        return Signer(certificate, key, issuer)


def _left(signer: Signer) -> timedelta:
    return signer.certificate.not_valid_after_utc - timezone.now()


class ResponseCache:
    """Answers of this process, each with what it says: a revocation makes another one, at once.

    In memory, because to fetch one from elsewhere takes as long as to sign it.
    """

    def __init__(self) -> None:
        self._answers: OrderedDict[object, tuple[ocsp.CertificateStatus, datetime, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, asked: object, found: ocsp.CertificateStatus, now: datetime) -> bytes | None:
        """Return the answer that says what is found now, if it is not too old."""
        with self._lock:
            says, until, answer = self._answers.get(asked, (None, now, b""))
        return answer if says == found and now < until else None

    def put(self, asked: object, found: ocsp.CertificateStatus, answer: bytes) -> None:
        """Keep the answer until half of its time is over; not one for a serial that anybody may invent."""
        if not found.known:
            return
        period = ocsp.period_of(answer)
        until = period.start + (period.end - period.start) * _REFRESH
        with self._lock:
            self._answers[asked] = (found, until, answer)
            self._answers.move_to_end(asked)
            if len(self._answers) > MAX_KEPT:
                self._answers.popitem(last=False)
