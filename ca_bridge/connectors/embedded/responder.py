"""OCSP responder of one CA: its delegated signers, their renewal, and a cache of responses."""

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
SIGNER_RENEWAL = timedelta(days=7)  # before it expires, so that an outage of a week does no harm
SIGNER_BITS = 2048
_BACKDATED = timedelta(hours=1)  # for clients whose clocks are slow
_REFRESH = 0.5  # fraction of its lifetime for which a response is cached, so that clients can cache it, too
MAX_KEPT = 4000  # of 2 kB each


class Responder:
    """Answers for the issuers of one CA. Thread-safe."""

    def __init__(self, ca: Authority) -> None:
        self._ca = ca
        self._name = ca.options.name
        self._signers: dict[str, Signer] = {}
        self._kept = ResponseCache()

    def answer(self, request: OCSPRequest, issuer: str) -> bytes:
        """The response (DER): signed now for a request with a nonce, else from the cache."""
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
        """Create a new signer where none is valid long enough and opens in web processes."""
        own = key_store.ocsp_passphrase(self._ca.options)
        if self._stored(issuer, at_least=SIGNER_RENEWAL, passphrases=[own]):
            return False
        self._renew(issuer)
        return True

    def _signer(self, issuer: str) -> Signer:
        """A signer that outlives the responses; in its last days the database is asked for a newer one."""
        known = self._signers.get(issuer)
        if known is None or _left(known) < SIGNER_RENEWAL:
            known = self._stored(issuer, at_least=ocsp.LIFETIME) or self._renew(issuer)
            self._signers[issuer] = known
        return known

    def _stored(
        self, issuer: str, *, at_least: timedelta, passphrases: Sequence[bytes] = ()
    ) -> Signer | None:
        """The signer in the database, if it is of this CA, opens, and is valid long enough."""
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
        """The passphrase of OCSP signers, then that of the CA: older signers may be under it."""
        options = self._ca.options
        found = [key_store.ocsp_passphrase(options)]
        return [*found, key_store.passphrase(options)] if options.signs else found

    def _renew(self, issuer: str) -> Signer:
        """Create a signer; of two concurrent ones both are valid, and the later one stays."""
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
    """Responses of this process, each for one status of its certificate: a revocation counts at once.

    In memory, because fetching one from elsewhere takes as long as signing it.
    """

    def __init__(self) -> None:
        self._answers: OrderedDict[object, tuple[ocsp.CertificateStatus, datetime, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, asked: object, found: ocsp.CertificateStatus, now: datetime) -> bytes | None:
        """The cached response for the present status, if it is not too old."""
        with self._lock:
            says, until, answer = self._answers.get(asked, (None, now, b""))
        return answer if says == found and now < until else None

    def put(self, asked: object, found: ocsp.CertificateStatus, answer: bytes) -> None:
        """Cache the response for half of its validity; never for an unknown serial number."""
        if not found.known:
            return
        period = ocsp.period_of(answer)
        until = period.start + (period.end - period.start) * _REFRESH
        with self._lock:
            self._answers[asked] = (found, until, answer)
            self._answers.move_to_end(asked)
            if len(self._answers) > MAX_KEPT:
                self._answers.popitem(last=False)
