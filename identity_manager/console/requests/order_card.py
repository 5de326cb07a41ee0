"""CA orders that an officer must see on a request's page: parked ones and surplus certificates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.models import CaOrder, SurplusCertificate
from ca_bridge.x509.certificates import describe
from identity_manager.console.requests.ca_answers import CaAnswer
from identity_manager.models import Certificate, CertificateState, TokenRequest
from identity_manager.queries import list_rows
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.parts import Pair
from identity_manager.workflow.issuance import parked_orders


@dataclass(frozen=True)
class Surplus:
    """A surplus certificate. serial: empty once erased. by_hand: an officer must revoke it at the CA."""

    row: SurplusCertificate
    serial: str
    by_hand: bool


@dataclass(frozen=True)
class OrderCard:
    """An order and its certificate's row. surplus: its surplus certificates."""

    certificate: Certificate
    order: CaOrder
    surplus: Sequence[Surplus]

    @property
    def is_parked(self) -> bool:
        """Whether an officer must decide."""
        return self.order.is_parked and self.certificate.state == CertificateState.ORDERED

    @property
    def obstacle(self) -> Reason | None:
        """Why the CA of a parked order is not asked again, or None."""
        return parked_orders.asking_obstacle(self.certificate)

    @property
    def facts(self) -> list[Pair]:
        """Facts by which an officer finds the order at the CA."""
        order = self.order
        names = order.content.get("subject", ())
        return [
            Pair(_("Certificate authority"), order.ca),
            Pair(_("Request id"), order.idempotency_key, mono=True),
            Pair(_("SHA-256 of the public key"), order.public_key_sha256.hex(), mono=True),
            Pair(_("Subject"), ", ".join(f"{name}={value}" for name, value in names)),
            Pair(_("Last search"), order.get_search_display(), mono=False),
        ]

    @property
    def answers(self) -> list[CaAnswer]:
        """The CA's answer to each attempt."""
        return [CaAnswer.of(attempt, attempt.asked_at) for attempt in self.order.attempts.all()]


def of_request(row: TokenRequest) -> list[OrderCard]:
    """Such orders of the request; one query where there are none."""
    certificates = [each for token in row.tokens.all() for each in token.certificates.all()]
    by_key = {key: each for each in certificates for key in each.order_keys}  # a retry has another order
    current = {each.order_id for each in certificates}
    orders = list_rows.parked_or_surplus(by_key)
    prefetch_related_objects(orders, "attempts", "surplus")
    return [
        OrderCard(by_key[order.idempotency_key], order, _surplus(order.surplus.all()))
        for order in orders
        if order.surplus.all() or order.pk in current
    ]


def _surplus(rows: Iterable[SurplusCertificate]) -> list[Surplus]:
    now = timezone.now()
    return [
        Surplus(
            row,
            serial=describe(row.certificate).serial_hex if row.certificate else "",
            by_hand=row.is_for_manual_revocation(now),
        )
        for row in rows
    ]
