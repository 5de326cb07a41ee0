"""Connector to Microsoft AD CS by its web enrolment pages (certsrv)."""

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
    """Issues at once, or pending until a CA manager decides. No revocation and no search by the pages."""

    Options = AdcsOptions
    revokes = False

    def __init__(self, options: AdcsOptions) -> None:
        self.options = options
        self._sign_in = sign_in(options)
        self._http = Http(options, self._sign_in.headers)

    def issue(self, order: CertificateOrder) -> Answer:
        """Submit the CSR. The template determines all content except subject and alternative names."""
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
        """Fetch a certificate that was issued at once; after a fault it is pending (its id is known)."""
        try:
            answer = self.fetch(order, request)
        except CaError:
            return self._pending(request)
        return self._pending(request) if isinstance(answer, Unknown) else answer

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Fetch the certificate by the request id, or the disposition of the request."""
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
        """The refusal with its disposition code, which some pages show only in place of the certificate."""
        pages = [reply]
        if request and not wire.CODE.search(reply.text):
            with suppress(CaError):
                pages.append(self._page(wire.path_of(request)))
        return Refused.request(wire.disposition(*pages))

    def _denied(self, refused: Refused) -> Refused:
        """Raises a transient CaError for a denial with a temporary cause (wire.is_for_now)."""
        if wire.is_for_now(refused.detail):
            raise CaError.out_of_service(refused.detail)
        return refused

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:  # noqa: ARG002 the contract's signature
        """Look the certificate up on the CRL: the pages cannot revoke, but officers of the CA can."""
        with suppress(CaError):  # without a CRL, too, an officer of the CA revokes
            crl = self._of_ca("/certcrl.crl?Type=base")
            if wire.is_revoked(crl, certificate, self.options.chain[0]):
                return RevocationOutcome.ALREADY_REVOKED
        return RevocationOutcome.UNSUPPORTED

    def profiles(self) -> Sequence[str]:
        """The templates that the page for new requests offers to the account; none for a standalone CA."""
        reply = self._page("/certrqxt.asp")
        if trouble := self._trouble(reply):
            raise trouble
        if not reply.ok:
            raise reply.garbled(reply.said())
        return wire.templates(reply)

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check the credentials, and that the CA's present certificate stands in chain_file."""
        found = wire.chain_of(self._of_ca("/certnew.p7b?ReqID=CACert"))
        known = {x509.load_der_x509_certificate(each) for each in self.options.chain}
        if not known.issuperset(found):
            return Health.unhealthy(HealthDetail(HealthFinding.OTHER_CHAIN))
        return Health.healthy(HealthFinding.TAKES_CREDENTIALS)

    def _of_ca(self, path: str) -> Reply:
        """Fetch a page about the CA's present key: its CRL or its chain."""
        reply = self._page("/certcarc.asp")
        if trouble := self._trouble(reply):
            raise trouble
        return self._page(f"{path}&Renewal={wire.renewal_of(reply)}&Enc=bin")

    def _page(self, path: str) -> Reply:
        return self._http.call("GET", path, headers=wire.HEADERS)

    def _trouble(self, reply: Reply) -> CaError | None:
        """A transient CaError for a reply from before the CA has read a request; None for any other."""
        if reply.status in (401, 403):
            return CaError.credentials(f"HTTP {reply.status} {self._sign_in.refused(reply)}".strip())
        if reply.status in (429, 503) or wire.NEVER_ASKED in reply.text.lower():
            return CaError.out_of_service(reply.said())
        return None
