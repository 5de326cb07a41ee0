"""Pages of webhooks: state, last deliveries with their answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from identity_manager.events import webhooks
from identity_manager.models import (
    ConsentState,
    Person,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookFormat,
)
from identity_manager.models.words import Words
from identity_manager.transactions import second_officer
from identity_manager.ui.parts import Meaning, Pair

SHOWN = 50
DELIVERY_MEANINGS = {
    WebhookDeliveryState.WAITING: Meaning.WAITING,
    WebhookDeliveryState.DELIVERED: Meaning.DONE,
    WebhookDeliveryState.PARKED: Meaning.STOPPED,
}


@dataclass(frozen=True)
class WebhookLine:
    """One webhook. waiting, parked: how many deliveries."""

    row: Webhook
    waiting: int
    parked: int

    @property
    def meaning(self) -> Meaning:
        if self.row.waits():
            return Meaning.WAITING
        if not self.row.is_in_use:
            return Meaning.QUIET
        return Meaning.STOPPED if self.row.last_error or self.parked else Meaning.DONE

    @property
    def state(self) -> Words:
        if self.row.waits():
            return ConsentState.WAITING.label
        if not self.row.is_in_use:
            return _("Stopped")
        if self.row.rests:
            return _("Rests after failures")
        return _("Fails") if self.row.last_error else _("In use")


@dataclass(frozen=True)
class DeliveryLine:
    """One delivery and its last answer."""

    row: WebhookDelivery

    @property
    def meaning(self) -> Meaning:
        return DELIVERY_MEANINGS[WebhookDeliveryState(self.row.state)]

    @property
    def answer(self) -> str:
        """The status, or why there was no answer; these words are of programs and are not translated."""
        return self.row.error or (f"HTTP {self.row.status}" if self.row.status else "–")


def lines() -> Iterator[WebhookLine]:
    """Every webhook, those in use first."""
    open_ones = WebhookDelivery.objects.exclude(state=WebhookDeliveryState.DELIVERED)
    grouped = open_ones.order_by().values_list("webhook", "state").annotate(number=Count("pk"))
    found = {(pk, state): number for pk, state, number in grouped}
    for row in sorted(Webhook.objects.all(), key=lambda row: (row.stopped_at is not None, row.name)):
        waiting, parked = (
            found.get((row.pk, state), 0)
            for state in (WebhookDeliveryState.WAITING, WebhookDeliveryState.PARKED)
        )
        yield WebhookLine(row, waiting, parked)


def context(actor: Person, row: Webhook) -> dict[str, Any]:
    """The context of the page of one webhook."""
    deliveries = [DeliveryLine(each) for each in row.deliveries.order_by("-pk")[:SHOWN]]
    counts = row.deliveries.values_list("state").annotate(number=Count("pk")).values_list("state", "number")
    found = dict(counts)
    line = WebhookLine(
        row, found.get(WebhookDeliveryState.WAITING, 0), found.get(WebhookDeliveryState.PARKED, 0)
    )
    return {
        "line": line,
        "row": row,
        "pairs": list(_pairs(row)),
        "deliveries": deliveries,
        "may_confirm": row.waits() and second_officer.obstacle(actor, row, webhooks.REASONS) is None,
        "is_signed": row.format == WebhookFormat.STANDARD,
    }


def _pairs(row: Webhook) -> Iterator[Pair]:
    yield Pair(_("Address"), row.shown_address, mono=True)
    yield Pair(_("Format"), row.get_format_display())
    if row.format == WebhookFormat.STANDARD:
        yield Pair(_("Signature"), row.get_signature_display())
    if key := webhooks.public_key(row):
        yield Pair(_("Public key"), key, mono=True)
    yield Pair(_("Events"), ", ".join(row.kinds), mono=True)
    yield Pair(_("Names of persons"), _("are sent") if row.with_persons else _("are not sent"))
    yield Pair(_("Made by"), str(row.asked_by))
    if row.decided_by:
        yield Pair(_("Decided by"), str(row.decided_by))
