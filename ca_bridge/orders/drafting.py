"""Drafting of orders: built and linted outside any transaction, journalled within one (journal_order)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ca_bridge.connection import registry
from ca_bridge.contract import CertificateContent, CertificateOrder, Drafts
from ca_bridge.database.state_machine import create_many
from ca_bridge.errors import CaError
from ca_bridge.keys.keys import PrivateKey, algorithm_of, public_key_sha256
from ca_bridge.models import CaOrder, content_as_json
from ca_bridge.orders import journal
from ca_bridge.x509 import csr, lint, preview
from ca_bridge.x509.profiles import check_content, check_key_usage, check_validity


@dataclass(frozen=True, slots=True)
class Validity:
    """Validity period, aware datetimes. Certificates have whole seconds (RFC 5280 4.1.2.5)."""

    not_before: datetime
    not_after: datetime

    def __post_init__(self) -> None:
        for name in ("not_before", "not_after"):
            moment = getattr(self, name).astimezone(UTC).replace(microsecond=0)
            object.__setattr__(self, name, moment)
        if self.not_after <= self.not_before:
            raise CaError(_("The validity must end after it begins."), permanent=True)


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """A linted order that is not journalled yet. It holds a hash of the public key.

    draft: the linted certificate (DER), signed with a throw-away key.
    """

    ca: str
    request: CertificateOrder
    public_key_sha256: bytes
    draft: bytes


def draft(
    *,
    ca: str,
    idempotency_key: str,
    content: CertificateContent,
    ca_profile: str,
    key: PrivateKey,
    validity: Validity,
) -> DraftOrder:
    """Build and lint the order for a certificate, for journal_order(). Call it outside any transaction.

    Raises CaError with a sentence: permanent if this cannot be ordered, transient if the CA cannot give its
    draft now.
    """
    check_content(content)
    check_key_usage(content.key_usage, algorithm_of(key))
    check_validity(content.policies, validity.not_after - validity.not_before)
    request = CertificateOrder(
        idempotency_key=idempotency_key,
        csr=csr.build(content, key),
        content=content,
        ca_profile=ca_profile,
        not_before=validity.not_before,
        not_after=validity.not_after,
    )
    connector = registry.reached(ca)
    drafted = connector.draft(request) if isinstance(connector, Drafts) else preview.draft_of(request)
    lint.check_draft(drafted)
    return DraftOrder(ca, request, public_key_sha256(key), drafted)


def journal_order(draft_order: DraftOrder) -> CaOrder:
    """Journal the order before the CA is asked, and return it. Call it in a transaction.

    A second call with the same idempotency key returns the order of the first. Raises CaError, permanent,
    for a key that was used already, and nothing is journalled.
    """
    order = journal.known(draft_order.request.idempotency_key, draft_order.public_key_sha256)
    if order is None:
        order = _journalled(draft_order)
    if order.public_key_sha256 != draft_order.public_key_sha256:
        raise CaError(_("This order was prepared with another key."), permanent=True)
    return order


def _journalled(draft_order: DraftOrder) -> CaOrder:
    """Insert the order; the unique idempotency key decides between two workers. Raises CaError."""
    order = _order(draft_order)
    try:
        with transaction.atomic():  # a savepoint: PostgreSQL ends a transaction in which a statement failed
            order.save(force_insert=True)
    except IntegrityError:
        existing = journal.known(draft_order.request.idempotency_key, draft_order.public_key_sha256)
        if existing is None:
            raise
        return existing
    return order


def journal_orders(drafts: Sequence[DraftOrder]) -> list[CaOrder | journal.Begun]:
    """Journal several new orders with two statements. Call it in a transaction; the results are for ask().

    Orders to a CA that can be searched are journalled as asked at once: after a crash a search shows whether
    they were sent. Raises IntegrityError if one of them, or its key, is known already; the caller rolls back,
    and prepares each alone.
    """
    orders = [_order(each) for each in drafts]
    asked = [order for order in orders if registry.search_decides(order.ca)]
    for order in asked:
        order.mark_asked()
    create_many(orders)
    begun = journal.begin_many(asked)
    return [begun.get(order.pk, order) for order in orders]


def _order(draft_order: DraftOrder) -> CaOrder:
    request = draft_order.request
    return CaOrder(
        idempotency_key=request.idempotency_key,
        ca=draft_order.ca,
        ca_profile=request.ca_profile,
        csr=request.csr,
        content=content_as_json(request.content),
        public_key_sha256=draft_order.public_key_sha256,
        not_before=request.not_before,
        not_after=request.not_after,
        search="",  # set here, so that the database need not compute defaults
        comparison="",
    )
