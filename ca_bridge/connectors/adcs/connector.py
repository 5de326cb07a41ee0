"""The connector to Microsoft AD CS, by its web enrolment pages."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.adcs import wire
from ca_bridge.connectors.adcs.options import AdcsOptions
from ca_bridge.connectors.adcs.sign_in import sign_in
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
    Unknown,
)
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthDetail, HealthFinding


class AdcsConnector:
    """Requests, at once or once a CA manager has decided. The pages cannot revoke or search."""

    Options = AdcsOptions
    revokes = False

    def __init__(self, options: AdcsOptions) -> None:
        self.options = options
        self._sign_in = sign_in(options)
        self._http = Http(options, self._sign_in.headers)

    def issue(self, order: CertificateOrder) -> Answer:
        """Submit the request. The template decides what certificates say beside subject and names."""
        headers, data = wire.HEADERS | wire.FORM, wire.form(order)
        reply = self._http.call("POST", "/certfnsh.asp", data=data, headers=headers, orders=True)
        if trouble := self._trouble(reply):
            raise trouble
        if request := wire.issued(reply):
            return self._issued_just_now(order, request)
        request = wire.request_of(reply)
        if wire.is_pending(reply) and request:
            return self._pending(request)
        if wire.is_denied(reply):
            return self._denied(self._refused(reply, request))
        raise reply.garbled(wire.disposition(reply))

    def _issued_just_now(self, order: CertificateOrder, request: str) -> Answer:
        """Its number is known: what goes wrong now is no doubt, and is made good later."""
        try:
            answer = self.fetch(order, request)
        except CaError:
            return self._pending(request)
        return self._pending(request) if isinstance(answer, Unknown) else answer

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """The certificate of a request by its number, or what became of it."""
        reply = self._page(wire.path_of(handle))
        if certificate := wire.certificate_of(reply):
            return Issued(certificate.public_bytes(Encoding.DER), self.options.chain[:-1])
        if trouble := self._trouble(reply):
            raise trouble
        if wire.is_pending(reply):
            return self._pending(handle)
        if wire.is_denied(reply):
            return self._refused(reply, "")
        if not reply.ok:
            raise reply.garbled(wire.disposition(reply))
        return Unknown(wire.disposition(reply))

    def _pending(self, request: str) -> Pending:
        return Pending(request, timezone.now() + timedelta(seconds=self.options.poll_after))

    def _refused(self, reply: Reply, request: str) -> Refused:
        """Some pages have the code only where the certificate would be."""
        pages = [reply]
        if request and not wire.CODE.search(reply.text):
            with suppress(CaError):
                pages.append(self._page(wire.path_of(request)))
        return Refused.request(wire.disposition(*pages))

    def _denied(self, refused: Refused) -> Refused:
        """Raises a passing CaError where the CA would have issued, and could not."""
        if wire.is_for_now(refused.detail):
            raise CaError.out_of_service(refused.detail)
        return refused

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:  # noqa: ARG002 the contract's signature
        """The pages cannot. Once the CA's people have done it, the CRL that the pages hand out says so."""
        with suppress(CaError):  # without a CRL it is people's to do, as it is with one
            crl = self._of_ca("/certcrl.crl?Type=base")
            if wire.is_revoked(crl, certificate, self.options.chain[0]):
                return RevocationOutcome.ALREADY_REVOKED
        return RevocationOutcome.UNSUPPORTED

    def profiles(self) -> Sequence[str]:
        """The templates that the page of a new request offers our account; a standalone CA has none."""
        reply = self._page("/certrqxt.asp")
        if trouble := self._trouble(reply):
            raise trouble
        if not reply.ok:
            raise reply.garbled(reply.said())
        return wire.templates(reply)

    def chain(self) -> Sequence[bytes]:
        """Return what stands in chain_file."""
        return self.options.chain

    def health(self) -> Health:
        """Whether the pages take our credentials, and the CA's present certificate is one that we trust."""
        found = wire.chain_of(self._of_ca("/certnew.p7b?ReqID=CACert"))
        known = {x509.load_der_x509_certificate(each) for each in self.options.chain}
        if not known.issuperset(found):
            return Health.unhealthy(HealthDetail(HealthFinding.OTHER_CHAIN))
        return Health.healthy(HealthFinding.TAKES_CREDENTIALS)

    def _of_ca(self, path: str) -> Reply:
        """What the pages have of the CA's present key."""
        reply = self._page("/certcarc.asp")
        if trouble := self._trouble(reply):
            raise trouble
        return self._page(f"{path}&Renewal={wire.renewal_of(reply)}&Enc=bin")

    def _page(self, path: str) -> Reply:
        return self._http.call("GET", path, headers=wire.HEADERS)

    def _trouble(self, reply: Reply) -> CaError | None:
        """What passes, and surely comes before the CA has read a request."""
        if reply.status in (401, 403):
            return CaError.credentials(f"HTTP {reply.status} {self._sign_in.refused(reply)}".strip())
        if reply.status in (429, 503) or wire.NEVER_ASKED in reply.text.lower():
            return CaError.out_of_service(reply.said())
        return None
