"""The connector to django-ca, by its REST interface."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.utils import timezone

from ca_bridge.connectors.django_ca import wire
from ca_bridge.connectors.django_ca.options import DjangoCaOptions
from ca_bridge.contract import Answer, CertificateOrder, Health, Issued, Pending, Refused
from ca_bridge.contract import RevocationOutcome as Outcome
from ca_bridge.contract import RevocationReason as Reason
from ca_bridge.contract_findings import Finding, Found
from ca_bridge.errors import CaError
from ca_bridge.http import Http, Method, basic, secret
from ca_bridge.reply import Reply


class DjangoCaConnector:
    """Orders, and fetches what was ordered. Revocation is for good; there is no search by request or key."""

    Options = DjangoCaOptions

    def __init__(self, options: DjangoCaOptions) -> None:
        self.options = options
        self._http = Http(options)
        self._ca = f"/ca/{wire.serial_of(options.chain[0])}"

    def issue(self, order: CertificateOrder) -> Answer:
        """Order. django-ca answers with the name of an order alone: it is always pending first."""
        if complaint := self._complaint(order):
            return Refused.request(complaint)
        reply = self._call("POST", f"{self._ca}/sign/", data=wire.signing_request(order), orders=True)
        if reply.status in (400, 422):
            return Refused.request(reply.said())
        if reply.status in (401, 403, 404, 429, 503):
            raise reply.not_taken()
        if not reply.ok:
            raise reply.garbled(reply.said())
        return self._pending(wire.text_of(reply, "slug"))

    def _complaint(self, order: CertificateOrder) -> str:
        """What django-ca would not refuse by itself, or cannot write."""
        if order.content.sid is not None:
            return "django-ca cannot write a security identifier for Windows into a certificate."
        try:
            known = self._call("GET", f"/profiles/{quote(order.ca_profile, safe='')}/")
        except CaError:  # then the request itself says what the trouble is
            return ""
        return f"It has no profile {order.ca_profile}." if known.status == 404 else ""

    def _pending(self, handle: str) -> Pending:
        return Pending(handle, timezone.now() + timedelta(seconds=self.options.poll_after))

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """What has become of an order."""
        found = self._checked(self._call("GET", f"{self._ca}/orders/{quote(handle, safe='')}/"))
        match wire.text_of(found, "status"):
            case "pending":
                return self._pending(handle)
            case "issued":
                serial = quote(wire.text_of(found, "serial"), safe="")
                reply = self._checked(self._call("GET", f"{self._ca}/certs/{serial}/"))
                return Issued(wire.certificate_of(reply), self.options.issuers)
            case "failed":
                return Refused.request(f"Order {handle} has failed; django-ca's log says why.")
        raise found.garbled("no status that is known")

    def revoke(self, certificate: bytes, reason: Reason) -> Outcome:
        """Revoke for good, with the reason. A hold would have no end: it is not supported."""
        if reason is Reason.CERTIFICATE_HOLD:
            return Outcome.UNSUPPORTED
        path = f"{self._ca}/certs/{wire.serial_of(certificate)}/revoke/"
        reply = self._call("POST", path, data={"reason": reason})
        if reply.status == 400 and wire.ALREADY in reply.text:
            return Outcome.ALREADY_REVOKED
        if reply.status in (400, 404):
            raise CaError.not_issued_here(reply.said())
        self._checked(reply)
        return Outcome.REVOKED

    def _checked(self, reply: Reply) -> Reply:
        if not reply.ok:
            raise reply.not_taken()
        return reply

    def chain(self) -> Sequence[bytes]:
        """Return what stands in chain_file."""
        return self.options.chain

    def health(self) -> Health:
        """Whether it takes our password, and has the first CA of chain_file for its REST interface."""
        reply = self._call("GET", f"{self._ca}/")
        if reply.status == 404:
            return Health.unwell(Found(Finding.NO_SUCH_CA))
        if not reply.ok:
            return Health(ok=False, detail=reply.said())
        if wire.certificate_of(reply) != self.options.chain[0]:
            return Health.unwell(Found(Finding.OTHER_FIRST_OF_CHAIN))
        return Health.well(Finding.KNOWS_CHAIN)

    def _call(self, method: Method, path: str, *, data: Any = None, orders: bool = False) -> Reply:
        headers = basic(self.options.user, secret(self.options.password_file))
        return self._http.call(method, f"/api{path}", data=data, headers=headers, orders=orders)
