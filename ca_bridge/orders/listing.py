"""Comparison of a CA's list of certificates with the journal, for example after a restore.

A page of the CA's list is read before the journal: an order is journalled before its CA is asked, so that a
certificate issued meanwhile is never taken for unknown. Proven in tests/ca_bridge/orders/test_listing.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from ca_bridge import telemetry
from ca_bridge.connection import registry
from ca_bridge.connection.exception_boundary import repeatable_edge
from ca_bridge.contract import Connector, IssuedPage, KeptCertificate, ListsIssued
from ca_bridge.contract_operation import ErasesRecords
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder, SurplusCertificate
from ca_bridge.orders import results
from ca_bridge.orders.reconciliation import FOUND_LATER
from ca_bridge.orders.results import OnSurplus, nobody
from ca_bridge.x509 import der
from ca_bridge.x509.certificates import CertificateFacts, describe, serial_hex

BACKDATING = timedelta(hours=1)  # by which a CA may date a certificate before the moment when it issues it


@dataclass(frozen=True, slots=True)
class Unknown:
    """A certificate (DER) that the journal does not have. order: the one with its key, if any."""

    certificate: bytes
    facts: CertificateFacts
    order: CaOrder | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Result for a page of a CA's list. listed: number of its entries. cursor: as in IssuedPage."""

    unknown: tuple[Unknown, ...]
    listed: int
    cursor: str


def tells(alias: str) -> bool:
    """Whether the CA can list its certificates; False also for an invalid configuration."""
    try:
        return isinstance(registry.connector(alias), ListsIssued)
    except (CaError, ImproperlyConfigured):
        return False


def compare(alias: str, since: datetime, cursor: str) -> Compared:
    """Compare a page of the CA's certificates since a moment with the journal.

    Call it outside any transaction. Raises CaError; a permanent one if this CA cannot be compared.
    """
    connector = _lister(alias)
    with telemetry.ca_call(alias, "list") as measured, repeatable_edge():
        page: IssuedPage = connector.list_issued(since, cursor)
        measured.outcome = "found"
    issuers = _issuers(connector)
    serials = set(page.serials) - _known_serials(issuers, page.serials)
    unknown = [each for serial in sorted(serials) for each in _unknown(alias, connector, serial)]
    dated = (each for each in unknown if each.facts.not_before >= since - BACKDATING)
    found = tuple(each for each in dated if each.facts.issuer in issuers)
    return Compared(found, len(page.serials), page.cursor)


def lacks(alias: str, order: CaOrder) -> bool:
    """Whether the CA lacks the certificate that it issued for the order. Raises CaError."""
    connector = _lister(alias)
    if order.serial is None or order.issuer not in _issuers(connector):
        return False  # issued when the alias named another CA
    return _kept(alias, connector, order.serial) is None


def is_known(found: CertificateFacts) -> bool:
    """Whether the certificate belongs to an order, or is flagged as surplus."""
    orders = CaOrder.objects.of_serial(found.issuer, found.serial_hex)
    surplus = SurplusCertificate.objects.filter(sha256_fingerprint=found.sha256_fingerprint)
    return orders.exists() or surplus.exists()


def flag_surplus(order: CaOrder, certificate: bytes, *, on_surplus: OnSurplus = nobody) -> None:
    """Flag a second certificate of an order as surplus, in the caller's transaction.

    on_surplus: called if it was not flagged before.
    """
    results.flag(order, certificate, FOUND_LATER, on_surplus=on_surplus)


def let_go(alias: str, certificate: bytes) -> None:
    """Have a CA that keeps its records here erase a revoked certificate. Raises CaError."""
    connector = registry.reached(alias)
    if isinstance(connector, ErasesRecords):
        connector.forget(certificate)


class _Lister(Connector, ListsIssued):
    """A connector that can list its CA's certificates."""


def _lister(alias: str) -> "_Lister":
    connector = registry.reached(alias)
    if not isinstance(connector, ListsIssued):
        message = _("This certificate authority cannot be compared: it does not tell what it has issued.")
        raise CaError(message, permanent=True)
    return connector  # type: ignore[return-value]  # an intersection of protocols has no name


def _issuers(connector: Connector) -> frozenset[str]:
    return frozenset(describe(each).subject for each in connector.chain())


def _known_serials(issuers: frozenset[str], serials: Sequence[int]) -> set[int]:
    """Serial numbers of certificates of orders, by these issuers."""
    names = {serial_hex(serial): serial for serial in serials}
    # The condition of the index, so that databases see that they may use it.
    orders = CaOrder.objects.filter(issuer__in=issuers, serial_hex__in=list(names), serial_hex__gt="")
    return {names[found] for found in orders.values_list("serial_hex", flat=True)}


def _unknown(alias: str, connector: "_Lister", serial: int) -> Iterator[Unknown]:
    kept = _kept(alias, connector, serial)
    if kept is None or kept.revoked or not kept.certificate or _is_of_ca(kept.certificate):
        return
    try:
        facts = describe(kept.certificate)
    except CaError:
        return  # garbage cannot be revoked
    if facts.serial == serial and not is_known(facts):
        order = CaOrder.objects.filter(public_key_sha256=facts.public_key_sha256).first()
        yield Unknown(kept.certificate, facts, order)


def _kept(alias: str, connector: "_Lister", serial: int) -> KeptCertificate | None:
    with telemetry.ca_call(alias, "find") as measured, repeatable_edge():
        kept: KeptCertificate | None = connector.kept(serial)
        measured.outcome = str(CaOrder.Search.FOUND if kept else CaOrder.Search.NOTHING)
        return kept


def _is_of_ca(certificate: bytes) -> bool:
    """Whether it is a certificate of a CA or of an OCSP signer, which belong to the CA itself."""
    try:
        loaded = x509.load_der_x509_certificate(certificate)
        usage = der.extension(loaded.extensions, x509.ExtendedKeyUsage)
        signs_ocsp = usage is not None and ExtendedKeyUsageOID.OCSP_SIGNING in usage
        return der.may_sign_certificates(loaded) or signs_ocsp
    except der.MALFORMED:
        return False
