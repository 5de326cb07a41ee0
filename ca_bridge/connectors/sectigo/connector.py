"""The connector to Sectigo Certificate Manager, by its REST API."""

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta

from cryptography import x509
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.connection import bundles
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.sectigo import wire
from ca_bridge.connectors.sectigo.options import SectigoOptions
from ca_bridge.connectors.sectigo.sign_in import Scm
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
    Validations,
)
from ca_bridge.errors import CaError
from ca_bridge.health_findings import HealthDetail, HealthFinding
from ca_bridge.x509 import der

PRODUCTS_KNOWN = 600  # seconds for which an order does not ask for the certificate profiles again


class SectigoConnector:
    """Orders, then collects; searches by the order's comment; revokes one certificate, without holds.

    The API can also revoke everything of a person by their e-mail address. That call is not made here.
    """

    Options = SectigoOptions
    finds_by_number = True
    caa_identities = ("sectigo.com",)

    def __init__(self, options: SectigoOptions) -> None:
        self.options = options
        self._scm = Scm(options)
        self._known: tuple[float, tuple[wire.Product, ...]] = (0, ())

    def issue(self, order: CertificateOrder) -> Answer:
        """Order with a term of the certificate profile; what is ordered is collected later."""
        until, known = self._known
        products = known if time.monotonic() < until else self._products()
        product = next((each for each in products if each.name == order.ca_profile), None)
        if product is None:
            return Refused.request(f"our organisation has no certificate profile {order.ca_profile}")
        if reason := _obstacle(order, product):
            return Refused.request(reason)
        body = wire.enrolment(order, product, self.options)
        reply = self._scm.call("POST", wire.ENROLL, data=body, orders=True)
        if reply.ok:
            return self._pending(wire.handle_of(reply))
        _raise_if_transient(reply)
        if 400 <= reply.status < 500:
            return Refused.request(reply.said())
        raise reply.garbled(reply.said())  # an internal error: it may have taken the order before

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        """Collect. While it waits SCM answers with HTTP 400 and a code."""
        reply = self._scm.call("GET", wire.collection_path(handle))
        if reply.ok:
            return bundles.issued(reply, order, wire.certificates_of(reply))
        _raise_if_transient(reply)
        match wire.code_of(reply):
            case wire.WAITING:
                return self._rejected(order, handle) or self._pending(handle)
            case wire.REVOKED:
                return Refused.request(reply.said())
        if rejected := self._rejected(order, handle):
            return rejected
        raise reply.not_taken()

    def _pending(self, handle: str) -> Pending:
        return Pending(handle, timezone.now() + timedelta(seconds=self.options.poll_after))

    def _rejected(self, order: CertificateOrder, handle: str) -> Refused | None:
        """The final refusal, where the person's list says so of this order."""
        states = [each["state"] for each in self._entries(order) if str(each.get("backendCertId")) == handle]
        found = next((state for state in states if state in wire.REJECTED), None)
        return Refused.request(f"the order {handle} is {found}") if found else None

    def find(self, order: CertificateOrder) -> Issued | None:
        """The first certificate for the order that is not revoked.

        Raises a transient CaError while SCM has an order that may be this one and is not decided.
        """
        return next(self._of_order(order), None)

    def find_all(self, order: CertificateOrder) -> Sequence[bytes]:
        """Every certificate for the order that is not revoked."""
        return [each.certificate for each in self._of_order(order)]

    def _of_order(self, order: CertificateOrder) -> Iterator[Issued]:
        """By the comment that stands at the order; where a list has no comments, by the key."""
        for entry in self._entries(order):
            comment = str(entry.get("comments") or "")
            if entry["state"] in wire.REJECTED or (comment and comment != order.idempotency_key):
                continue
            answer = self._collected(order, str(entry.get("backendCertId") or ""))
            if answer and (comment or _is_for(answer, order)):
                yield answer

    def _collected(self, order: CertificateOrder, handle: str) -> Issued | None:
        reply = self._scm.call("GET", wire.collection_path(handle))
        if reply.ok:
            return bundles.issued(reply, order, wire.certificates_of(reply))
        if wire.code_of(reply) == wire.REVOKED:
            return None
        if wire.code_of(reply) == wire.WAITING:
            raise CaError(_("The certificate authority has not decided on an order yet."), reply.said())
        raise reply.not_taken()

    def _entries(self, order: CertificateOrder) -> Sequence[wire.Entry]:
        """SCM's list of the person's certificates; empty where it does not know the person."""
        address = next(iter(wire.addresses(order)), "")
        reply = self._scm.call("GET", wire.by_address(address)) if address else None
        if reply is None or reply.status == 404:
            return ()
        if not reply.ok:
            raise reply.not_taken()
        return wire.entries_of(reply)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        """Revoke this certificate, by its serial number. UNSUPPORTED for a hold."""
        if reason is RevocationReason.CERTIFICATE_HOLD:
            return RevocationOutcome.UNSUPPORTED
        serial = x509.load_der_x509_certificate(certificate).serial_number
        listed = self._scm.call("GET", wire.by_serial(serial))
        if not listed.ok:
            raise listed.not_taken()
        words = wire.serial_words(serial)
        entry = next((each for each in wire.entries_of(listed) if each.get("serialNumber") == words), None)
        if entry is None:
            raise CaError.not_issued_here(words)
        if entry["state"] == "revoked":
            return RevocationOutcome.ALREADY_REVOKED
        reply = self._scm.call("POST", f"/smime/v1/revoke/serial/{words}", data=wire.revocation(reason))
        if not reply.ok:
            raise reply.not_taken()
        return RevocationOutcome.REVOKED

    def _products(self) -> tuple[wire.Product, ...]:
        reply = self._scm.call("GET", wire.types_path(self.options))
        if not reply.ok:
            raise reply.not_taken()
        products = wire.products_of(reply)
        self._known = (time.monotonic() + PRODUCTS_KNOWN, products)
        return products

    def profiles(self) -> Sequence[str]:
        """The certificate profiles that our organisation may order."""
        return [each.name for each in self._products()]

    def validations(self) -> Validations:
        """Of the domains, and of the organisation the one that lasts longest."""
        domains = self._scm.call("GET", wire.DOMAINS)
        organisation = self._scm.call("GET", wire.organisation_path(self.options))
        for reply in (domains, organisation):
            if not reply.ok:
                raise reply.not_taken()
        lasting = [until for _name, until in wire.expiries_of(organisation, "type", "VALIDATED")]
        return Validations(
            tuple(sorted(wire.expiries_of(domains, "domain", "VALIDATED"))), max(lasting, default=None)
        )

    def chain(self) -> Sequence[bytes]:
        """The certificates in chain_file, the issuing CA first."""
        return self.options.chain

    def health(self) -> Health:
        """Check that SCM takes our sign-in, and has a certificate profile for our organisation."""
        found = self._products()
        if not found:
            return Health.unhealthy(HealthDetail(HealthFinding.NO_PRODUCTS))
        return Health.healthy(HealthFinding.OFFERS_PRODUCTS, number=str(len(found)))


def _obstacle(order: CertificateOrder, product: wire.Product) -> str:
    """Why the order cannot be sent to SCM, for operators; empty if it can."""
    subject = dict(order.content.subject)
    if not wire.addresses(order):
        return "an order needs an e-mail address among the alternative names"
    if not (subject.get("givenName") and subject.get("surname")):
        return "an order needs givenName and surname in the subject"
    if not wire.term_of(product, order):
        terms = ", ".join(map(str, product.terms))
        return f"{product.name} has terms of {terms} days; the validity here has to be a day longer than one"
    return ""


def _is_for(answer: Issued, order: CertificateOrder) -> bool:
    return der.is_for(x509.load_der_x509_certificate(answer.certificate), order.csr)


def _raise_if_transient(reply: Reply) -> None:
    if reply.status in (401, 403) or reply.is_put_off:
        raise reply.not_taken()
