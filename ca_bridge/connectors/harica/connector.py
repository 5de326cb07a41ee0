"""The connector to HARICA's CertManager, by an API key."""

from collections.abc import Sequence

from ca_bridge.connection import bundles
from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.harica import wire
from ca_bridge.connectors.harica.options import HaricaOptions
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    ConnectionFault,
    Health,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.health_findings import HealthDetail, HealthFinding


class HaricaConnector:
    """Issues at once. An API key neither searches nor revokes."""

    Options = HaricaOptions
    revokes = False
    caa_identities = ("harica.gr",)

    def __init__(self, options: HaricaOptions) -> None:
        self.options = options
        self._http = Http(options)

    def issue(self, order: CertificateOrder) -> Answer:
        """Order by a CSV file of one row. HARICA decides on content and validity; the bridge compares."""
        if reason := wire.obstacle(order):
            return Refused.request(reason)
        body, kind = wire.request_of(order, self.options)
        headers = wire.headers(self.options) | {"Content-Type": kind}
        reply = self._http.call("POST", wire.ORDER, data=body, headers=headers, orders=True)
        if reply.ok and wire.is_archive(reply):
            return bundles.issued(reply, order, wire.certificates_of(reply))
        return self._not_issued(reply)

    def _not_issued(self, reply: Reply) -> Answer:
        if reply.status in (401, 403) or reply.is_put_off:
            raise reply.not_taken()
        if (reply.ok and reply.fields()) or 400 <= reply.status < 500:
            return Refused.request(reply.said())
        raise reply.garbled(reply.said())  # an internal error: it may have issued before

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Issue again: this CA decides at once, so that the handle is the order."""
        return self.issue(order)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:  # noqa: ARG002 the contract's signature
        """UNSUPPORTED: nothing is published on how an API key revokes."""
        return RevocationOutcome.UNSUPPORTED

    def profiles(self) -> Sequence[str]:
        """The kinds of certificates (CertType) that the interface has."""
        return wire.PRODUCTS

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check that our key may order for the organisation."""
        reply = self._http.call("GET", wire.ENTERPRISES, headers=wire.headers(self.options))
        if not reply.ok:
            raise reply.not_taken()
        found = wire.enterprises_of(reply)
        ours = next((each for each in found if each["organizationId"] == self.options.organization_id), None)
        if ours is None:
            known = ", ".join(f"{each['organizationId']} ({wire.name_of(each)})" for each in found) or "-"
            detail = HealthDetail(HealthFinding.ORGANISATION_NOT_ALLOWED, {"known": known[:300]})
            return Health.unhealthy(detail, fault=ConnectionFault.CREDENTIALS)
        return Health.healthy(HealthFinding.KNOWS_ORGANISATION, name=wire.name_of(ours))
