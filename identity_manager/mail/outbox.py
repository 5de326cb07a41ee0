"""Verbs on mails: queue, claim, settle, retry, discard."""

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Greatest
from django.utils import timezone

from ca_bridge.database import prepared_queries
from identity_manager import queue
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import MailFault, MailState, OutgoingMail, PersonState
from identity_manager.models.mail.outgoing_mail import OutgoingMailQuerySet
from identity_manager.task_names import SEND
from identity_manager.telemetry import correlation

NO_ADDRESS = "no address"
LOCKED = "the person is locked"

logger = logging.getLogger(__name__)


def enqueue(mail: OutgoingMail, *, by_sweep: bool = False) -> OutgoingMail:
    """Put a new mail into the outbox, in the caller's transaction; one mail per occasion.

    Returns the mail that is there already where the occasion had one. A mail to somebody without an
    address, or to a person who is Locked, is kept as discarded, so that officers see that nobody was told.

    by_sweep: nobody waits for it, and there may be thousands like it. The sweep publishes them a few hundred
    at a time, so that a mail for which somebody waits does not stand behind them all.
    """
    _make_due(mail)
    values = {field.attname: getattr(mail, field.attname) for field in OutgoingMail._meta.concrete_fields}
    row, created = OutgoingMail.objects.get_or_create(occasion=values.pop("occasion"), defaults=values)
    if created and row.state == MailState.QUEUED and not by_sweep:
        queue.after_commit(SEND, row.pk)
    return row


def enqueue_new(mails: Iterable[OutgoingMail], *, by_sweep: bool = False) -> None:
    """As enqueue, many at once: mails of occasions that nobody can have thought of, because what they are
    about is written in the same transaction.
    """
    rows = list(mails)
    for mail in rows:
        _make_due(mail)
    prepared_queries.insert(rows)
    for mail in rows:
        if mail.state == MailState.QUEUED and not by_sweep:
            queue.after_commit(SEND, mail.pk)


def _make_due(mail: OutgoingMail) -> None:
    mail.work_is_due(timezone.now())
    if not mail.to_address:
        mail.discard(reason=NO_ADDRESS)
    elif mail.person.state == PersonState.LOCKED:
        mail.discard(reason=LOCKED)


def release_waiting(mails: OutgoingMailQuerySet) -> None:
    """Publish those of the mails that may go out now: what their files waited for has come, or has ended."""
    released = list(mails.queued().exclude(container_format="").values_list("pk", flat=True))
    now = timezone.now()
    due = Greatest("next_attempt_at", Value(now))  # not since long ago: it could not have gone out then
    waiting = OutgoingMail.objects.queued().filter(pk__in=released)
    waiting.update(waiting_since=now, next_attempt_at=due)
    for pk in released:
        queue.after_commit(SEND, pk)


def claim(mail_id: uuid.UUID) -> OutgoingMail | None:
    """Take a queued mail for sending; None when somebody else has it or it is not due."""
    with transaction.atomic():
        claimed = OutgoingMail.objects.queued().claim(mail_id, now=timezone.now())
        return OutgoingMail.objects.get(pk=mail_id) if claimed else None


def note_provider_id(mail: OutgoingMail, provider_id: str) -> None:
    """Write down what the provider calls a claimed mail that it has just taken; empty: nothing.

    Before the settle, so that a bounce that is told in between finds the mail (workflow.bounces).
    """
    if provider_id:
        OutgoingMail.objects.filter(pk=mail.pk, claim_id=mail.claim_id).update(provider_id=provider_id)


def settle_sent(mail: OutgoingMail, *, provider_id: str) -> None:
    """The mail server took it; on the caller's locked and still claimed row.

    A provider that had taken it at an earlier try says no name now: the one that was noted then stays.
    """
    mail.mark_sent(provider_id=provider_id or mail.provider_id, now=timezone.now())
    mail.save()


def settle_fault(mail: OutgoingMail, fault: DeliveryFault, *, not_before: datetime | None = None) -> None:
    """The mail server did not take it: refused for good, or tried again; on the caller's locked row.

    not_before: the earliest next try, where the usual one would be too early.
    """
    now = timezone.now()
    if fault.kind == MailFault.REFUSED:
        mail.mark_failed(error=fault.detail, error_code=fault.code, now=now)
        correlation.set_result(f"refused: {fault.code}", level=logging.WARNING)
    else:
        mail.put_off(error=fault.detail, fault=fault.kind, error_code=fault.code, now=now)
        mail.next_attempt_at = max(filter(None, (mail.next_attempt_at, not_before)))
        correlation.set_result(f"put off: {fault.code}", level=logging.WARNING)
        _tell_operators(fault)
    mail.save()


def _tell_operators(fault: DeliveryFault) -> None:
    """A fault of the configuration holds up every mail, so it is a line of the log each time."""
    if fault.kind == MailFault.CONFIGURATION:
        logger.error("No mail goes out until the mail settings are mended: %s", fault.code)


def retry(mail: OutgoingMail) -> None:
    """Have a mail tried again that nobody got; the row is locked by the caller."""
    mail.queue_again(now=timezone.now())
    mail.save()
    queue.after_commit(SEND, mail.pk)


def make_due_now(mail: OutgoingMail) -> None:
    """Have a queued mail tried now, not at its next try; the row is locked by the caller."""
    mail.next_attempt_at = timezone.now()
    mail.nudged_at = None
    mail.save()
    queue.after_commit(SEND, mail.pk)


def discard(mail: OutgoingMail, *, reason: str) -> None:
    """Give a mail up; the row is locked by the caller."""
    mail.discard(reason=reason)
    mail.save()
