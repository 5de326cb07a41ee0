"""The connector to step-ca, by its JWK and X5C provisioners."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from django.utils.translation import gettext as _

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.step_ca import wire
from ca_bridge.connectors.step_ca.options import StepCaOptions
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
from ca_bridge.health_findings import HealthDetail, HealthFinding

PAGES = 50  # of its list of provisioners, at most


class StepCaConnector:
    """Issues at once, each time with a single-use token; revokes. No search, no holds."""

    Options = StepCaOptions

    def __init__(self, options: StepCaOptions) -> None:
        self.options = options
        self._http = Http(options)

    def issue(self, order: CertificateOrder) -> Answer:
        """Have the CSR signed until the end of the order, by the provisioner that the profile names."""
        body = wire.sign_request(self.options, order)
        reply = self._http.call("POST", wire.SIGN, data=body, orders=True)
        if reply.ok:
            certificate, *chain = wire.certificates(reply)
            return Issued(certificate, tuple(chain))
        if reply.status == 401 and not self._knows(order.ca_profile):
            return Refused.request(f"no provisioner {order.ca_profile}")
        if reply.status == 401 or reply.is_put_off:
            raise _not_taken(reply)
        if 400 <= reply.status < 500:
            return Refused.request(wire.said(reply))
        raise reply.garbled(wire.said(reply))

    def _knows(self, provisioner: str) -> bool:
        """Whether the CA has the provisioner: for an unknown one it answers 401 as for a bad token."""
        for found, cursor in self._provisioners():
            if any(each["name"] == provisioner for each in found):
                return True
            if not cursor:
                return False
        return True  # not all pages were read: assume that it exists, and that the token was refused

    def _provisioners(self) -> Iterator[tuple[list[wire.Provisioner], str]]:
        """All pages of the list of provisioners. Raises CaError."""
        cursor = ""
        for _page in range(PAGES):
            reply = self._http.call("GET", f"/provisioners?limit=100&cursor={quote(cursor, safe='')}")
            if not reply.ok:
                raise _not_taken(reply)
            found, cursor = wire.provisioners(reply)
            yield found, cursor
            if not cursor:
                return

    def profiles(self) -> Sequence[str]:
        """The provisioners that accept tokens of our key: X5C ones, or JWK ones with this key."""
        listed = [each for found, _cursor in self._provisioners() for each in found]
        return [each["name"] for each in listed if wire.takes(self.options, each)]

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Issue again: this CA decides at once, so that the handle is the order."""
        return self.issue(order)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        """Revoke with the reason; UNSUPPORTED for a hold, which step-ca could not end."""
        if reason is RevocationReason.CERTIFICATE_HOLD:
            return RevocationOutcome.UNSUPPORTED
        body = wire.revoke_request(self.options, certificate, reason)
        reply = self._http.call("POST", wire.REVOKE, data=body)
        if reply.ok:
            return RevocationOutcome.REVOKED
        if reply.status == 400 and "already revoked" in wire.said(reply):
            return RevocationOutcome.ALREADY_REVOKED
        if reply.status in (400, 403):
            message = _("The certificate authority refused the revocation.")
            raise CaError(message, wire.said(reply), permanent=True)
        raise _not_taken(reply)

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check /health, and our token by a request that is refused for its name only."""
        state = self._http.call("GET", "/health")
        if not state.ok:
            return Health(ok=False, detail=wire.said(state))
        reply = self._http.call("POST", wire.SIGN, data=wire.probe(self.options))
        if reply.status == 403:
            return Health.healthy(HealthFinding.TAKES_TOKENS_OF, provisioner=self.options.provisioner)
        return Health.unhealthy(HealthDetail(HealthFinding.SIGN_IN_NOT_TAKEN, {"said": wire.said(reply)}))


def _not_taken(reply: Reply) -> Exception:
    passes = reply.status == 401 or reply.is_put_off
    return reply.not_taken(wire.said(reply)) if passes else reply.garbled(wire.said(reply))
