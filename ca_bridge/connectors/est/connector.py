"""The connector to a CA that speaks Enrollment over Secure Transport (RFC 7030)."""

from collections.abc import Sequence

from cryptography import x509
from django.utils import timezone

from ca_bridge.connection.http import Http
from ca_bridge.connectors.est import wire
from ca_bridge.connectors.est.options import EstOptions
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthDetail, HealthFinding


class EstConnector:
    """Enrols, at once or pending. EST has no revocation and no search."""

    Options = EstOptions
    revokes = False
    fetch_orders = True

    def __init__(self, options: EstOptions) -> None:
        self.options = options
        self._http = Http(options)

    def issue(self, order: CertificateOrder) -> Answer:
        """Enrol (simpleenroll). The CA decides on content and validity, which the bridge compares."""
        reply = self._http.call(
            "POST",
            wire.path(wire.ENROLL, order.ca_profile if self.options.labels else ""),
            data=wire.body(order),
            headers=wire.HEADERS | self.options.sign_in(),
            orders=True,
        )
        match reply.status:
            case 200:
                return wire.issued(reply, order)
            case 202:
                wait = wire.wait_of(reply, self.options.longest_wait)
                return Pending(order.idempotency_key, timezone.now() + wait)
            case 401 | 403:
                raise CaError.credentials(f"HTTP {reply.status}")
            case _ if reply.is_put_off:
                raise CaError.out_of_service(reply.said())
            case status if 400 <= status < 500:
                return Refused.request(reply.said())
        raise reply.garbled(reply.said())

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Send the same request again (RFC 7030 4.2.3): see fetch_orders."""
        return self.issue(order)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:  # noqa: ARG002 the contract's signature
        """UNSUPPORTED: EST has no message for it."""
        return RevocationOutcome.UNSUPPORTED

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check that /cacerts answers with the certificates of chain_file."""
        reply = self._http.call("GET", wire.path("cacerts"), headers=self.options.sign_in())
        if not reply.ok:
            return Health(ok=False, detail=reply.said())
        known = {x509.load_der_x509_certificate(each) for each in self.options.chain}
        if known.isdisjoint(wire.certificates(reply)):
            return Health.unhealthy(HealthDetail(HealthFinding.OTHER_CACERTS))
        return Health.healthy(HealthFinding.HANDS_OUT_CHAIN)
