"""Connector to Nexus Certificate Manager by the REST API of its Protocol Gateway."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from cryptography import x509

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.nexus_cm import wire
from ca_bridge.connectors.nexus_cm.options import NexusCmOptions
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    IssuedPage,
    KeptCertificate,
    Refused,
    RevocationReason,
)
from ca_bridge.contract import RevocationOutcome as Outcome
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthDetail, HealthFinding
from ca_bridge.x509 import der

BACKDATING = timedelta(hours=1)  # by which a CA may date a certificate before what was ordered


class NexusCmConnector:
    """Issues at once and revokes, each signed by an officer's key. Searches by name or serial, and lists."""

    Options = NexusCmOptions

    def __init__(self, options: NexusCmOptions) -> None:
        self.options = options
        self._http = Http(options)

    def issue(self, order: CertificateOrder) -> Answer:
        """Have the CSR signed by a token procedure, with the validity of the order."""
        reply = self._signed("/certificates/pkcs10", wire.form_of(order), orders=True)
        if fault := wire.fault_of(reply):
            raise fault
        if (code := wire.code_of(reply)) and code != wire.GENERAL_ERROR:
            return Refused.request(reply.said())
        if not reply.ok or code:
            raise reply.garbled(reply.said())
        return Issued(wire.certificate_of(reply), self.options.issuers)

    def _signed(self, path: str, form: Mapping[str, str], *, orders: bool) -> Reply:
        """Call; where the gateway answers with data to be signed, sign it (CMS) and call again."""
        reply = self._post(path, form, orders=orders)
        if data := wire.to_sign(reply):
            signature = wire.signature(data, self.options.signer)
            reply = self._post(path, {**form, "signature": signature}, orders=orders)
        return reply

    def _post(self, path: str, form: Mapping[str, str], *, orders: bool) -> Reply:
        body, kind = wire.encoded(form)
        headers = wire.ACCEPT | {"Content-Type": kind}
        return self._http.call("POST", path, data=body, headers=headers, orders=orders)

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:  # noqa: ARG002 - the contract's signature
        """Issue again: this CA decides at once, so that the handle is the order."""
        return self.issue(order)

    def find(self, order: CertificateOrder) -> Issued | None:
        """The first certificate for the order's key that is not revoked."""
        found = (each for entry, each in self._of_key(order) if entry["status"] != "revoked")
        certificate = next(found, None)
        return Issued(certificate, self.options.issuers) if certificate else None

    def find_all(self, order: CertificateOrder) -> Sequence[bytes]:
        """Every certificate for the order's key."""
        return [certificate for _entry, certificate in self._of_key(order)]

    def _of_key(self, order: CertificateOrder) -> Iterator[tuple[wire.SearchEntry, bytes]]:
        subject = x509.load_der_x509_csr(order.csr).subject
        for entry, certificate in self._search(subject, order.not_before - BACKDATING):
            if der.is_for(x509.load_der_x509_certificate(certificate), order.csr):
                yield entry, certificate

    def _search(self, subject: x509.Name, since: datetime) -> Iterator[tuple[wire.SearchEntry, bytes]]:
        """All certificates of a common name that are valid at or after a moment, with CM's entries."""
        offset, hits = 0, 1
        while offset < hits:
            found = self._read(f"/certificates?{wire.query_of(subject, since, offset)}")
            entries, hits = wire.entries_of(found)
            for entry in entries:
                yield entry, self._downloaded(entry)
            offset += len(entries)  # a server may have smaller pages than it was asked for
            if not entries and offset < hits:
                raise found.garbled(f"no certificates from {offset} on, of {hits}")

    def list_issued(self, since: datetime, cursor: str) -> IssuedPage:
        """A page of all certificates valid at or after a moment, whichever CA of CM issued them."""
        offset = int(cursor or 0)
        found = self._read(f"/certificates?{wire.issued_query(since - BACKDATING, offset)}")
        entries, hits = wire.entries_of(found)
        with found.reading("certificateserialnumber"):
            serials = tuple(int(each["serial"], 16) for each in entries)
        offset += len(entries)
        if not entries and offset < hits:
            raise found.garbled(f"no certificates from {offset} on, of {hits}")
        return IssuedPage(serials, str(offset) if offset < hits else "")

    def kept(self, serial: int) -> KeptCertificate | None:
        """Look a serial number up among the CAs of chain_file."""
        names = {x509.load_der_x509_certificate(each).subject for each in self.options.chain}
        entries, _hits = wire.entries_of(self._read(f"/certificates?{wire.serial_query(serial)}"))
        for entry in entries:
            certificate = self._downloaded(entry)
            facts = x509.load_der_x509_certificate(certificate)
            if facts.serial_number == serial and facts.issuer in names:
                return KeptCertificate(certificate, revoked=entry["status"] == "revoked")
        return None

    def _downloaded(self, entry: wire.SearchEntry) -> bytes:
        path = f"/certificates/{quote(entry['certid'], safe='')}/download"
        return wire.certificate_of(self._read(path))

    def _read(self, path: str) -> Reply:
        reply = self._http.call("GET", path, headers=wire.ACCEPT)
        if not reply.ok or wire.code_of(reply):
            raise wire.fault_of(reply) or reply.garbled(reply.said())
        return reply

    def revoke(self, certificate: bytes, reason: RevocationReason) -> Outcome:
        """Revoke with the reason; UNSUPPORTED for a hold, which the API could not end."""
        if reason is RevocationReason.CERTIFICATE_HOLD:
            return Outcome.UNSUPPORTED
        facts = x509.load_der_x509_certificate(certificate)
        found = self._search(facts.subject, facts.not_valid_before_utc)
        entry = next((entry for entry, each in found if each == certificate), None)
        if entry is None:
            raise CaError.not_issued_here()
        if entry["status"] == "revoked":
            return Outcome.ALREADY_REVOKED
        form = {"certid": entry["certid"], "reason": str(reason.number)}
        reply = self._signed("/certificates/revoke", form, orders=False)
        if not reply.ok or reply.fields_if_any().get("error") != 0:
            raise wire.fault_of(reply) or reply.garbled(reply.said())
        return Outcome.REVOKED

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def profiles(self) -> Sequence[str]:
        """The token procedures for requests that our officer may use."""
        reply = self._read("/procedures?mediaType=pkcs10")
        procedures = reply.fields_if_any().get("procedures")
        if not isinstance(procedures, list):
            return ()
        return [str(each["procid"]) for each in procedures if isinstance(each, dict) and "procid" in each]

    def health(self) -> Health:
        """Check that the gateway lists token procedures to our officer."""
        procedures = self.profiles()
        if not procedures:
            return Health.unhealthy(HealthDetail(HealthFinding.NO_PROCEDURES))
        return Health.healthy(HealthFinding.SHOWS_PROCEDURES, number=str(len(procedures)))
