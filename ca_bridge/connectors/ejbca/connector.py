"""The connector to EJBCA, by its REST interface."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.ejbca import wire
from ca_bridge.connectors.ejbca.options import EjbcaOptions
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    ConnectionFault,
    Health,
    Issued,
    IssuedPage,
    KeptCertificate,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
    Unknown,
)
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthDetail, HealthFinding
from ca_bridge.x509 import der


class EjbcaConnector:
    """Enrols, at once or after an approval; searches and lists; revokes, holds and releases."""

    Options = EjbcaOptions
    finds_by_number = True

    def __init__(self, options: EjbcaOptions) -> None:
        self.options = options
        self._http = Http(options)

    def issue(self, order: CertificateOrder) -> Answer:
        """Enrol an end entity of its own for the order. The profiles decide on the validity."""
        body = wire.enrolment(order, self.options)
        reply = self._http.call("POST", "/v1/certificate/pkcs10enroll", data=body, orders=True)
        if wire.refuses(reply):
            return Refused.request(reply.said())
        return self._answer(reply)

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        """Finalize an approved request; one that was finalized before is searched for."""
        body = {"response_format": "DER", "password": wire.enrollment_code(order, self.options)}
        reply = self._http.call("POST", f"/v1/certificate/{handle}/finalize", data=body, orders=True)
        if wire.has_ended(reply):
            return Refused.request(reply.said())
        if reply.status == 400:
            return self.find(order) or Unknown(reply.said())
        return self._answer(reply)

    def _answer(self, reply: Reply) -> Answer:
        if reply.status in (200, 201):
            return self._issued(wire.certificate_of(reply, reply.fields()))
        if reply.status == 202:
            later = timezone.now() + timedelta(seconds=self.options.poll_after)
            return Pending(wire.request_id(reply), later)
        if reply.status in (401, 403, 429, 503):
            raise reply.not_taken()
        raise reply.garbled(reply.said())  # an internal error: it may have issued before

    def _issued(self, certificate: x509.Certificate) -> Issued:
        return Issued(certificate.public_bytes(Encoding.DER), self.options.chain[:-1])

    def find(self, order: CertificateOrder) -> Issued | None:
        """The oldest active certificate of the order's end entity, preferably one for the order's key.

        One for another key was ordered before a restore of the database: it is returned, refused by the
        bridge, and revoked.
        """
        found = self._searched(order, active=True)
        found.sort(key=lambda each: not der.is_for(each, order.csr))  # stable: oldest first
        return self._issued(found[0]) if found else None

    def find_all(self, order: CertificateOrder) -> Sequence[bytes]:
        """Every certificate that the order's end entity was issued, active or not."""
        return [each.public_bytes(Encoding.DER) for each in self._searched(order, active=False)]

    def _searched(self, order: CertificateOrder, *, active: bool) -> list[x509.Certificate]:
        body = wire.search(order, self.options, active=active)
        reply = self._http.call("POST", "/v1/certificate/search", data=body)
        if not reply.ok:
            raise reply.not_taken()
        return wire.certificates_of(reply)

    def list_issued(self, since: datetime, cursor: str) -> IssuedPage:
        """Serial numbers that the CA issued from a moment on. cursor: where the next page begins.

        EJBCA caps a search, so the interval is halved until everything in it fits.
        """
        begin = datetime.fromisoformat(cursor) if cursor else since - wire.CLOCKS_DIFFER
        end = now = timezone.now() + wire.CLOCKS_DIFFER
        while True:
            reply = self._http.call(
                "POST", "/v1/certificate/search", data=wire.search_issued(self.options, begin, end)
            )
            if not reply.ok:
                raise reply.not_taken()
            if not wire.has_more(reply):
                break
            if end - begin < wire.SHORTEST:
                raise reply.garbled(f"more than {wire.MOST} certificates of one moment")
            end = begin + (end - begin) / 2
        serials = tuple(each.serial_number for each in wire.certificates_of(reply))
        return IssuedPage(serials, "" if end == now else end.isoformat())

    def kept(self, serial: int) -> KeptCertificate | None:
        """Look a serial number of this CA up."""
        reply = self._http.call(
            "POST", "/v1/certificate/search", data=wire.search_serial(self.options, serial)
        )
        if not reply.ok:
            raise reply.not_taken()
        found = next((each for each in wire.certificates_of(reply) if each.serial_number == serial), None)
        if found is None:
            return None
        certificate = found.public_bytes(Encoding.DER)
        state = self._http.call("GET", f"{wire.path_of(certificate)}/revocationstatus")
        if not state.ok:
            raise wire.not_done(state)
        return KeptCertificate(certificate, revoked=bool(state.fields().get("revoked")))

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        """Revoke with the reason, or hold; a hold can be released or become a revocation."""
        reply = self._put(certificate, wire.reason_of(reason))
        if wire.waits_already(reply):
            return RevocationOutcome.PENDING
        if reply.status == 409:
            return RevocationOutcome.ALREADY_REVOKED
        if not reply.ok:
            raise wire.not_done(reply)
        return RevocationOutcome.REVOKED

    def release(self, certificate: bytes) -> bool:
        """End a hold. Raises a transient CaError while the release waits for an approval."""
        state = self._http.call("GET", f"{wire.path_of(certificate)}/revocationstatus")
        if state.ok and state.fields().get("revocation_reason") != "CERTIFICATE_HOLD":
            return False
        reply = self._put(certificate, "REMOVE_FROM_CRL") if state.ok else state
        if wire.waits_already(reply):
            raise CaError(_("The certificate authority has to approve this first."), reply.said())
        if not reply.ok:
            raise wire.not_done(reply)
        return True

    def _put(self, certificate: bytes, reason: str) -> Reply:
        return self._http.call("PUT", f"{wire.path_of(certificate)}/revoke?reason={reason}")

    def profiles(self) -> Sequence[str]:
        """The certificate profiles of the end entity profile; none where this EJBCA does not list them."""
        reply = self._http.call("GET", wire.profile_path(self.options))
        if reply.status == 404:
            return ()
        if not reply.ok:
            raise reply.not_taken()
        return wire.profiles_of(reply)

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check that the REST API is enabled and our client certificate may use the CA."""
        listed = self._http.call("GET", "/v1/ca")
        if not listed.ok:
            return Health.unhealthy(
                HealthDetail(HealthFinding.CERTIFICATE_NOT_TAKEN, {"said": listed.said()})
            )
        if self.options.ca_name not in wire.authorities_of(listed):
            found = HealthDetail(HealthFinding.CA_NOT_ALLOWED, {"ca": self.options.ca_name})
            return Health.unhealthy(found, fault=ConnectionFault.CREDENTIALS)
        state = self._http.call("GET", "/v1/certificate/status").fields()
        version = str(state.get("revision", ""))
        return Health.healthy(HealthFinding.KNOWS_CA, version=version, ca=self.options.ca_name)
