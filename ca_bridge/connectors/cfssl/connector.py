"""The connector to CFSSL."""

from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.cfssl import wire
from ca_bridge.connectors.cfssl.options import CfsslOptions
from ca_bridge.contract import Answer, CertificateOrder, Health, Issued, Refused, RevocationReason
from ca_bridge.contract import RevocationOutcome as Outcome
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.health_findings import HealthDetail, HealthFinding


class CfsslConnector:
    """Issues at once, idempotently: the serial number is derived from the order.

    The serial number finds a certificate again. No holds: CFSSL has no message that ends one.
    """

    Options = CfsslOptions

    def __init__(self, options: CfsslOptions) -> None:
        self.options = options
        self._http = Http(options)

    def issue(self, order: CertificateOrder) -> Answer:
        """Have the CSR signed. CFSSL decides on the validity, and the bridge compares it with the order."""
        if complaint := self._complaint(order):
            return Refused.request(complaint)
        reply = self._signed(wire.signing_request(order), orders=True)
        if reply.ok:
            return self._issued(order, wire.certificate_of(reply, "certificate"))
        code, said = wire.error_of(reply)
        if reply.status == 400 and code == wire.NOT_STORED and (found := self.find(order)):
            return found
        if reply.status in wire.PASSING or said == wire.WRONG_TOKEN or code == wire.NOT_STORED:
            raise wire.not_taken(reply)
        if reply.status == 400 and code:
            return Refused.request(said)
        raise reply.garbled(said)

    def _complaint(self, order: CertificateOrder) -> str:
        if order.ca_profile not in self.options.profiles:
            return f"The profile {order.ca_profile} is not one of the option profiles."
        written = wire.as_written(order.content.subject)
        names = ", ".join(name for name, _value in written)
        as_ordered = written == order.content.subject
        return "" if as_ordered else f"CFSSL writes names in an order of its own, each once: {names}."

    def _issued(self, order: CertificateOrder, certificate: bytes) -> Answer:
        """The answer; under another serial number it could not be found again, so revoke and refuse."""
        if x509.load_der_x509_certificate(certificate).serial_number == wire.serial_of(order):
            return Issued(certificate, self.options.issuers)
        detail = "Its profile lacks ClientProvidesSerialNumbers; the certificate of a number of its own is"
        try:
            outcome = self.revoke(certificate, RevocationReason.SUPERSEDED)
        except CaError as error:
            raise InDoubtError(f"{detail} not revoked: {error.detail}") from error
        if outcome is Outcome.UNSUPPORTED:
            raise InDoubtError(f"{detail} not revoked.")
        return Refused.request(f"{detail} {outcome}.")

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Issue again: this CA decides at once, so that the handle is the order."""
        return self.issue(order)

    def find(self, order: CertificateOrder) -> Issued | None:
        """Look the order's serial number up in CFSSL's database."""
        reply = self._call("certinfo", wire.named(wire.serial_of(order), self.options.chain[0]))
        if wire.error_of(reply)[1] == wire.NOT_FOUND:  # with HTTP 500
            return None
        if not reply.ok:
            raise wire.not_taken(reply)
        return Issued(wire.certificate_of(reply, "pem"), self.options.issuers)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> Outcome:
        """Revoke with the reason; UNSUPPORTED for a hold, and on a server without a database."""
        if reason is RevocationReason.CERTIFICATE_HOLD:
            return Outcome.UNSUPPORTED
        serial = x509.load_der_x509_certificate(certificate).serial_number
        if self._is_listed(serial):
            return Outcome.ALREADY_REVOKED
        reply = self._call("revoke", wire.named(serial, self.options.chain[0]) | {"reason": reason})
        if reply.status == 404:
            return Outcome.UNSUPPORTED
        if reply.status == 400:
            raise CaError.not_issued_here(wire.error_of(reply)[1])
        if not reply.ok:
            raise wire.not_taken(reply)
        return Outcome.REVOKED

    def _is_listed(self, serial: int) -> bool:
        """Whether the CRL lists it: a second revocation would overwrite date and reason."""
        try:
            reply = self._http.call("GET", f"{wire.API}/crl")
            return reply.ok and serial in wire.revoked_of(reply)
        except CaError:  # too long a list, say; when CFSSL is away, the revocation itself fails
            return False

    def profiles(self) -> Sequence[str]:
        """The profiles of the options: CFSSL has no call that lists them."""
        return self.options.profiles

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check the signing key against chain_file, our token, and that nothing is signed without a token."""
        reply = self._call("info", {"label": ""})
        if not reply.ok:
            return Health(ok=False, detail=wire.error_of(reply)[1])
        if wire.certificate_of(reply, "certificate") != self.options.chain[0]:
            return Health.unhealthy(HealthDetail(HealthFinding.OTHER_INFO))
        found = [each for each in map(self._fault_of, ("", *self.options.profiles)) if each is not None]
        # A TLS client certificate may stand before newcert, which wants no token.
        if not self.options.client_certificate_file and self._call("newcert", {}).status != 404:
            found.append(HealthDetail(HealthFinding.SIGNS_FOR_ALL))
        if self._http.call("GET", f"{wire.API}/crl").status == 404:
            found.append(HealthDetail(HealthFinding.NO_DATABASE))
        return Health.unhealthy(*found) if found else Health.healthy(HealthFinding.TAKES_KEY)

    def _fault_of(self, profile: str) -> HealthDetail | None:
        """Fault of a profile (empty: the default one) by a call that signs nothing, or None."""
        said = wire.error_of(self._signed({"certificate_request": "", "profile": profile}))[1]
        if not profile:
            if said == wire.NO_KEY:
                return HealthDetail(HealthFinding.NO_KEY_FOR_OTHERS)
            return HealthDetail(HealthFinding.ANY_PROFILE) if said == wire.TAKEN else None
        if said == wire.NO_KEY:
            return HealthDetail(HealthFinding.NO_KEY, {"profile": profile})
        values = {"profile": profile, "said": said}
        return None if said == wire.TAKEN else HealthDetail(HealthFinding.PROFILE_NOT_TAKEN, values)

    def _signed(self, request: Mapping[str, Any], *, orders: bool = False) -> Reply:
        return self._call("authsign", wire.authenticated(request, self.options.auth_key_file), orders=orders)

    def _call(self, endpoint: str, body: Mapping[str, Any], *, orders: bool = False) -> Reply:
        return self._http.call("POST", f"{wire.API}/{endpoint}", data=body, orders=orders)
