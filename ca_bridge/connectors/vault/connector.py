"""The connector to the PKI engine of HashiCorp Vault or OpenBao."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from ca_bridge.connection.http import LONGEST_LIST
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.vault import wire
from ca_bridge.connectors.vault.options import VaultOptions
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    ConnectionFault,
    Health,
    Issued,
    IssuedPage,
    KeptCertificate,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthDetail, HealthFinding


class VaultConnector:
    """Issues at once, revokes, lists. The engine has no holds, no reasons and no search."""

    Options = VaultOptions

    def __init__(self, options: VaultOptions) -> None:
        self.options = options
        self._vault = wire.Vault(options)
        self._lists = wire.Vault(options, longest=LONGEST_LIST)

    def issue(self, order: CertificateOrder) -> Answer:
        """Sign the CSR with the exact end of the order."""
        verb = "sign-verbatim" if self.options.verbatim else "sign"
        path = f"/v1/{self.options.mount}/{verb}/{quote(order.ca_profile, safe='')}"
        body = wire.signing_request(order, verbatim=self.options.verbatim)
        reply = self._vault.call("POST", path, data=body, orders=True)
        if reply.ok:
            data = wire.data_of(reply)
            return Issued(wire.certificate_of(reply, data, "certificate"), wire.chain_of(reply, data))
        if reply.status in (400, 404, 405):
            return Refused.request(wire.errors_of(reply))
        if reply.status == 403:
            raise wire.not_taken(reply)
        if reply.status in wire.PASSING - {500, 502, 504}:
            raise wire.not_taken(reply)
        raise reply.garbled(wire.errors_of(reply))  # an internal error: it may have signed before

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Issue again: this CA decides at once, so that the handle is the order."""
        return self.issue(order)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        """Revoke; the engine stores no reason. UNSUPPORTED for a hold."""
        if reason is RevocationReason.CERTIFICATE_HOLD:
            return RevocationOutcome.UNSUPPORTED
        serial = wire.serial_of(certificate)
        known = self._checked(self._vault.call("GET", f"/v1/{self.options.mount}/cert/{serial}"))
        if wire.data_of(known).get("revocation_time"):
            return RevocationOutcome.ALREADY_REVOKED
        path = f"/v1/{self.options.mount}/revoke"
        self._checked(self._vault.call("POST", path, data={"serial_number": serial}))
        return RevocationOutcome.REVOKED

    def _checked(self, reply: Reply) -> Reply:
        if reply.ok:
            return reply
        if reply.status in (400, 404):
            raise CaError.not_issued_here(wire.errors_of(reply))
        raise wire.not_taken(reply)

    def list_issued(self, since: datetime, cursor: str) -> IssuedPage:  # noqa: ARG002 - the contract's signature
        """A page of all serial numbers that the engine has: it lists them without times.

        OpenBao pages by itself; HashiCorp Vault returns everything, which is cut here.
        """
        after = cursor.replace(":", "-")  # as OpenBao keeps it, and compares it
        query = f"?after={after}&limit={wire.PAGE}" if cursor else f"?limit={wire.PAGE}"
        reply = self._lists.call("LIST", f"/v1/{self.options.mount}/certs{query}")
        if reply.status == 404:  # its word for none
            return IssuedPage(())
        if not reply.ok:
            raise wire.not_taken(reply)
        names = sorted(each for each in wire.keys_of(reply) if each > cursor)[: wire.PAGE]
        goes_on = names[-1] if len(names) == wire.PAGE else ""
        with reply.reading("serial numbers"):
            return IssuedPage(tuple(map(wire.number_of, names)), goes_on)

    def kept(self, serial: int) -> KeptCertificate | None:
        """Look a serial number up."""
        reply = self._vault.call("GET", f"/v1/{self.options.mount}/cert/{wire.serial_words(serial)}")
        if reply.status in (400, 404):
            return None
        if not reply.ok:
            raise wire.not_taken(reply)
        data = wire.data_of(reply)
        certificate = wire.certificate_of(reply, data, "certificate")
        return KeptCertificate(certificate, revoked=bool(data.get("revocation_time")))

    def profiles(self) -> Sequence[str]:
        """The roles of the engine; the policy of our token has to allow listing them."""
        reply = self._vault.call("LIST", f"/v1/{self.options.mount}/roles")
        if reply.status == 404:  # its word for none
            return ()
        if not reply.ok:
            raise wire.not_taken(reply)
        return wire.keys_of(reply)

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check that the server is unsealed and accepts our token."""
        state = self._vault.open("/v1/sys/health?standbyok=true")
        if not state.ok:
            if state.status == 503:
                return Health.unhealthy(HealthDetail(HealthFinding.SEALED), fault=ConnectionFault.SEALED)
            return Health(ok=False, detail=wire.errors_of(state))
        known = self._vault.call("GET", "/v1/auth/token/lookup-self")
        if not known.ok:
            return Health.unhealthy(
                HealthDetail(HealthFinding.SIGN_IN_NOT_TAKEN, {"said": wire.errors_of(known)})
            )
        return Health.healthy(HealthFinding.TAKES_SIGN_IN, version=str(state.fields().get("version", "")))
