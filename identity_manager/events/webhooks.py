"""Verbs on webhooks. They export audit events, so two System Administrators make one (four eyes)."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue
from identity_manager.catalogue import permission
from identity_manager.events import address_guard, forwarding, webhook_kinds, webhook_secrets
from identity_manager.models import (
    AuditEvent,
    Person,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookFormat,
    WebhookSignature,
)
from identity_manager.models.people.vouching import Exclusion
from identity_manager.task_names import DELIVER_WEBHOOKS
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, require

NOT_ADMINISTRATOR = Reason(
    "webhook-not-administrator", _("A System Administrator makes, confirms and stops webhooks.")
)
OWN_WEBHOOK = Reason("own-webhook", _("Another System Administrator confirms the webhook, not who made it."))
WEBHOOK_NOT_WAITING = Reason("webhook-not-waiting", _("This webhook does not wait any more."))
WEBHOOK_ENDED = Reason("webhook-ended", _("This webhook was stopped already."))
NOT_IN_USE = Reason("webhook-not-in-use", _("This webhook is not in use."))
NO_NAME = Reason("no-webhook-name", _("Name who is told."))
BAD_ADDRESS = Reason(
    "bad-webhook-address",
    _("Enter an address that begins with https://, without user name, password and fragment."),
)
INSIDE = Reason(
    "webhook-address-inside",
    _("No webhook may reach this address. WEBHOOK_ALLOWED_NETWORKS allows networks of the company."),
)
NO_KINDS = Reason("no-webhook-kinds", _("Name at least one event."))
UNKNOWN_KIND = Reason("unknown-webhook-kind", _("There is an event in the list that nobody records."))
BAD_RANGE = Reason("bad-webhook-range", _("Choose a beginning that lies before the end."))
TOO_MANY = Reason("too-many-webhook-events", _("These are more than 10,000 events. Choose a shorter time."))
NO_SIGNATURE = Reason("webhook-has-no-secret", _("Messages to Teams and Slack are not signed."))
REASONS = {Exclusion.OFFICE: NOT_ADMINISTRATOR, Exclusion.ASKED: OWN_WEBHOOK}
MOST_ADDRESS = 2000
MOST_REPLAYED = 10_000
FORMER_KEY_SIGNS = timedelta(days=1)


@dataclass(frozen=True)
class WebhookInput:
    """The input for a new webhook."""

    name: str
    format: WebhookFormat
    address: str
    kinds: list[str]
    signature: WebhookSignature = WebhookSignature.V1
    with_persons: bool = False


def make(*, actor: Person, wanted: WebhookInput) -> tuple[Webhook, str]:
    """Make a webhook, which gets no events before another officer confirms it.

    Return it with the receiver's verification key, which is shown once if it is secret. Raises NotAllowed or
    NotPossible.
    """
    with transaction.atomic():
        _require_administrator(actor)
        require(wanted.name.strip(), else_=NO_NAME, field="name")
        parts = _parts(wanted.address)
        require(not address_guard.refuses_literal(parts.hostname or ""), else_=INSIDE, field="address")
        require(wanted.kinds, else_=NO_KINDS, field="kinds")
        require(not webhook_kinds.unknown(wanted.kinds), else_=UNKNOWN_KIND, field="kinds")
        row = Webhook(
            name=wanted.name.strip()[:60],
            format=wanted.format,
            kinds=wanted.kinds,
            with_persons=wanted.with_persons,
            signature=wanted.signature,
            shown_address=shown(parts, wanted.format),
            asked_by=actor,
        )
        key = webhook_secrets.new_key()
        row.address_wrapped = webhook_secrets.wrap(wanted.address.encode("ascii"), row.pk)
        row.secret_wrapped = webhook_secrets.wrap(key, row.pk)
        row.save()
        _record(audit.Event.WEBHOOK_MADE, row, actor)
        return row, _for_the_receiver(row, key)


def confirm(*, actor: Person, webhook_id: uuid.UUID) -> Webhook:
    """Confirm as another System Administrator; events from now on are sent. Raises NotAllowed or Stale."""
    with transaction.atomic():
        row = locking.webhook(webhook_id)
        second_officer.require(actor, row, reasons=REASONS, not_waiting=WEBHOOK_NOT_WAITING)
        row.confirm(by=actor, now=timezone.now())
        row.number = forwarding.last_number()
        row.save()
        _record(audit.Event.WEBHOOK_CONFIRMED, row, actor)
        return row


def stop(*, actor: Person, webhook_id: uuid.UUID) -> Webhook:
    """Any System Administrator ends a webhook, confirmed or not, for good. Raises NotAllowed or Stale."""
    now = timezone.now()
    with transaction.atomic():
        _require_administrator(actor)
        row = locking.webhook(webhook_id)
        if row.waits():
            row.withdraw(by=actor, reason="", now=now)
        else:
            require(row.is_in_use, else_=WEBHOOK_ENDED, kind=Stale)
        row.stopped_at = now
        row.settle_lease()
        row.save()
        _record(audit.Event.WEBHOOK_STOPPED, row, actor)
        return row


def rotate(*, actor: Person, webhook_id: uuid.UUID) -> tuple[Webhook, str]:
    """Make a new signature key; for a day the former one signs, too.

    Return the webhook with the receiver's new verification key, shown once. Raises NotAllowed, NotPossible or
    Stale.
    """
    with transaction.atomic():
        row = _in_use(actor, webhook_id)
        require(row.format == WebhookFormat.STANDARD, else_=NO_SIGNATURE)
        key = webhook_secrets.new_key()
        row.former_secret_wrapped, row.former_until = row.secret_wrapped, timezone.now() + FORMER_KEY_SIGNS
        row.secret_wrapped = webhook_secrets.wrap(key, row.pk)
        row.save()
        _record(audit.Event.WEBHOOK_KEY_CHANGED, row, actor)
        return row, _for_the_receiver(row, key)


def send_test(*, actor: Person, webhook_id: uuid.UUID) -> WebhookDelivery:
    """Queue a test message without an event. Raises NotAllowed or Stale."""
    with transaction.atomic():
        row = _in_use(actor, webhook_id)
        delivery = WebhookDelivery.objects.create(webhook=row, kind=webhook_kinds.TEST)
        _make_due(row)
        _record(audit.Event.WEBHOOK_TESTED, row, actor)
        return delivery


def replay(*, actor: Person, webhook_id: uuid.UUID, since: datetime, until: datetime) -> int:
    """Send the webhook's events of a time range again, or for the first time; return how many.

    The webhook-id of an event stays the same. Raises NotAllowed, Stale or NotPossible.
    """
    with transaction.atomic():
        row = _in_use(actor, webhook_id)
        require(since < until, else_=BAD_RANGE, field="until")
        names = webhook_kinds.expand(row.kinds)
        found = AuditEvent.objects.sealed().filter(name__in=names, at__gte=since, at__lt=until)
        events = list(found.values_list("pk", "name", "number")[: MOST_REPLAYED + 1])
        require(len(events) <= MOST_REPLAYED, else_=TOO_MANY, field="since")
        now = timezone.now()
        row.deliveries.filter(event__in=found.values("pk")).update(
            state=WebhookDeliveryState.WAITING, attempts=0, next_attempt_at=now
        )
        WebhookDelivery.objects.bulk_create(
            [WebhookDelivery(webhook=row, event=pk, kind=name, number=number) for pk, name, number in events],
            ignore_conflicts=True,
        )
        _make_due(row)
        _record(audit.Event.WEBHOOK_REPLAYED, row, actor, rows=len(events))
        return len(events)


def public_key(row: Webhook) -> str:
    """The public key that verifies v1a signatures; empty for webhooks with a shared secret, or without."""
    if row.format != WebhookFormat.STANDARD or row.signature != WebhookSignature.V1A:
        return ""
    return webhook_secrets.for_the_receiver(row.signature, webhook_secrets.unwrap(row.secret_wrapped, row.pk))


def shown(parts: SplitResult, form: str) -> str:
    """The part of a URL that pages show: no query, and nothing after the host if the path is secret."""
    if form != WebhookFormat.STANDARD:
        return f"https://{parts.netloc}/…"
    return f"https://{parts.netloc}{parts.path}{'?…' if parts.query else ''}"[:300]


def _parts(address: str) -> SplitResult:
    """The parts of a valid address. Raises NotPossible."""
    try:
        parts = urlsplit(address)
        has_port = parts.port != 0
    except ValueError:
        parts, has_port = urlsplit(""), False
    plain = address.isascii() and address.isprintable() and " " not in address
    host = parts.scheme == "https" and bool(parts.hostname) and has_port and "@" not in parts.netloc
    fits = plain and host and not parts.fragment and len(address) <= MOST_ADDRESS
    require(fits, else_=BAD_ADDRESS, field="address")
    return parts


def _in_use(actor: Person, webhook_id: uuid.UUID) -> Webhook:
    _require_administrator(actor)
    row = locking.webhook(webhook_id)
    require(row.is_in_use, else_=NOT_IN_USE, kind=Stale)
    return row


def _make_due(row: Webhook) -> None:
    """Also an endpoint that rests after failures: somebody asks for a try."""
    Webhook.objects.filter(pk=row.pk).update(next_attempt_at=timezone.now(), failures=0)
    queue.after_commit(DELIVER_WEBHOOKS, row.pk)


def _require_administrator(actor: Person) -> None:
    require(permission.is_system_administrator(actor), else_=NOT_ADMINISTRATOR, kind=NotAllowed)


def _for_the_receiver(row: Webhook, key: bytes) -> str:
    if row.format != WebhookFormat.STANDARD:
        return ""
    return webhook_secrets.for_the_receiver(row.signature, key)


def _record(event: audit.Event, row: Webhook, actor: Person, **facts: object) -> None:
    audit.record(event, actor=actor, subject=None, endpoint=row.name, **facts)
