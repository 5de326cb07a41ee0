"""Outbox verbs: enqueue, claim, settle, retry, discard a mail."""

import logging
import uuid
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import models
from django.db.models import Value
from django.db.models.functions import Greatest
from django.utils import timezone

from ca_bridge.database.prepared_queries import Statement
from identity_manager import queue
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import MailFault, MailState, OutgoingMail, PersonState
from identity_manager.models.mail.outgoing_mail import OutgoingMailQuerySet
from identity_manager.task_names import SEND_MAIL
from identity_manager.telemetry import correlation

NO_ADDRESS = "no address"
LOCKED = "the person is locked"

_CLAIMED = Statement[OutgoingMail](
    lambda pk: OutgoingMail.objects.filter(pk=pk).select_related("person", "request", "token__person"),
    pk=models.UUIDField(),
)
logger = logging.getLogger(__name__)


def enqueue(mail: OutgoingMail, *, by_sweep: bool = False) -> OutgoingMail:
    """Insert a mail into the outbox in the caller's transaction, once per deduplication key (`occasion`).

    Returns the existing mail where the key is taken. A mail to a person without an address, or who is
    Locked, is stored as discarded, so that officers see that nobody was informed.

    by_sweep: not urgent and possibly one of thousands. The sweep publishes such mails a few hundred at a
    time, so that urgent mails do not queue behind them.
    """
    row, is_new = _insert(mail)
    if is_new and not by_sweep:
        queue.after_commit(SEND_MAIL, row.pk)
    return row


def enqueue_each(mails: Iterable[OutgoingMail]) -> None:
    """As enqueue for several mails; the broker gets one message for up to TOGETHER of them."""
    queue.all_after_commit(SEND_MAIL, [row.pk for row, is_new in map(_insert, mails) if is_new])


def _insert(mail: OutgoingMail) -> tuple[OutgoingMail, bool]:
    """Insert the mail unless its key is taken; return the row, and whether it is new and queued."""
    _make_due(mail)
    values = {field.attname: getattr(mail, field.attname) for field in OutgoingMail._meta.concrete_fields}
    row, created = OutgoingMail.objects.get_or_create(occasion=values.pop("occasion"), defaults=values)
    return row, created and row.state == MailState.QUEUED


def has(occasion: str) -> bool:
    """Whether the outbox has a mail with this deduplication key, in any state."""
    return bool(known([occasion]))


def known(occasions: Collection[str]) -> set[str]:
    """Deduplication keys, out of these, that the outbox has in any state."""
    if not occasions:
        return set()
    return set(OutgoingMail.objects.filter(occasion__in=occasions).values_list("occasion", flat=True))


def enqueue_new(mails: Iterable[OutgoingMail], *, by_sweep: bool = False) -> None:
    """As enqueue for many mails with new deduplication keys, because their subject is created in this
    transaction.
    """
    rows = list(mails)
    for mail in rows:
        _make_due(mail)
    OutgoingMail.objects.bulk_create(rows)
    if not by_sweep:
        queue.all_after_commit(SEND_MAIL, [mail.pk for mail in rows if mail.state == MailState.QUEUED])


def _make_due(mail: OutgoingMail) -> None:
    mail.work_is_due(timezone.now())
    if not mail.to_address:
        mail.discard(reason=NO_ADDRESS)
    elif mail.person.state == PersonState.LOCKED:
        mail.discard(reason=LOCKED)


def release_waiting(mails: OutgoingMailQuerySet) -> None:
    """Make due and publish those of these mails that waited for files or the end of a hold."""
    released = list(mails.queued().exclude(container_format="").values_list("pk", flat=True))
    now = timezone.now()
    due = Greatest("next_attempt_at", Value(now))  # at least now: age metrics must not count the time on hold
    waiting = OutgoingMail.objects.queued().filter(pk__in=released)
    waiting.update(waiting_since=now, next_attempt_at=due)
    queue.all_after_commit(SEND_MAIL, released)


def claim(mail_id: uuid.UUID) -> OutgoingMail | None:
    """Lease a queued mail for sending, and read it with what it is about; None where another worker holds it,
    or it is not due.
    """
    claimed = OutgoingMail.objects.queued().claim(mail_id, now=timezone.now())
    mail = _CLAIMED.get(pk=mail_id) if claimed else None
    return mail if mail is None or mail.claim_id == claimed else None


def note_provider_id(mail: OutgoingMail, provider_id: str) -> None:
    """Store the provider's id of a mail just sent, under our claim; empty: nothing.

    Before the settle transaction, so that a bounce that arrives in between finds the mail
    (workflow.delivery.bounces).
    """
    if provider_id:
        OutgoingMail.objects.filter(pk=mail.pk, claim_id=mail.claim_id).update(provider_id=provider_id)


def settle_sent(mail: OutgoingMail, *, provider_id: str) -> None:
    """Mark the locked, claimed mail as sent.

    A provider that had accepted it at an earlier attempt returns no id now: the stored one is kept.
    """
    mail.mark_sent(provider_id=provider_id or mail.provider_id, now=timezone.now())
    mail.save()


def settle_fault(mail: OutgoingMail, fault: DeliveryFault, *, not_before: datetime | None = None) -> None:
    """Store a delivery fault on the locked mail: failed for good, or retried later.

    not_before: earliest next attempt, if later than the usual delay.
    """
    now = timezone.now()
    if fault.kind == MailFault.REFUSED:
        mail.mark_failed(error=fault.detail, error_code=fault.code, now=now)
        correlation.set_result(f"refused: {fault.code}", level=logging.WARNING)
    else:
        mail.put_off(error=fault.detail, fault=fault.kind, error_code=fault.code, now=now)
        mail.next_attempt_at = max(filter(None, (mail.next_attempt_at, not_before)))
        _tell_operators(fault)
    mail.save()


def _tell_operators(fault: DeliveryFault) -> None:
    """Log each fault of the configuration, as it affects every mail."""
    if fault.kind == MailFault.CONFIGURATION:
        logger.error("No mail goes out until the mail settings are mended: %s", fault.code)


def retry(mail: OutgoingMail) -> None:
    """Queue a failed or discarded mail again; the caller has locked the row."""
    mail.queue_again(now=timezone.now())
    mail.save()
    queue.after_commit(SEND_MAIL, mail.pk)


def make_due_now(mail: OutgoingMail) -> None:
    """Send a queued mail now instead of at its next attempt; the caller has locked the row."""
    mail.next_attempt_at = timezone.now()
    mail.nudged_at = None
    mail.save()
    queue.after_commit(SEND_MAIL, mail.pk)


def discard(mail: OutgoingMail, *, reason: str) -> None:
    """Discard a mail; the caller has locked the row."""
    mail.discard(reason=reason)
    mail.save()
