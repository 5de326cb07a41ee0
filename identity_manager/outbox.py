"""Verbs on mails: queue, claim, settle, retry, discard."""

import uuid

from django.db import transaction
from django.utils import timezone

from identity_manager import queue
from identity_manager.mail.sending import SendingError
from identity_manager.models import MailState, OutgoingMail

SEND = "mail.send"


def enqueue(mail: OutgoingMail) -> OutgoingMail:
    """Put a new mail into the outbox, in the caller's transaction; one mail per occasion.

    Returns the mail that is there already where the occasion had one. A mail to somebody without an
    address is kept as discarded, so that officers see that nobody was told.
    """
    mail.work_is_due(timezone.now())
    if not mail.to_address:
        mail.discard()
    values = {field.attname: getattr(mail, field.attname) for field in OutgoingMail._meta.concrete_fields}
    row, created = OutgoingMail.objects.get_or_create(occasion=values.pop("occasion"), defaults=values)
    if created and row.state == MailState.QUEUED:
        queue.after_commit(SEND, row.pk)
    return row


def claim(mail_id: uuid.UUID) -> OutgoingMail | None:
    """Take a queued mail for sending; None when somebody else has it or it is not due."""
    with transaction.atomic():
        claimed = OutgoingMail.objects.queued().claim(mail_id, now=timezone.now())
        return OutgoingMail.objects.get(pk=mail_id) if claimed else None


def settle(mail: OutgoingMail, failure: SendingError | None) -> None:
    """Write down what came of sending, on the caller's locked and still claimed row."""
    now = timezone.now()
    if failure is None:
        mail.mark_sent(now=now)
    elif failure.permanent:
        mail.mark_failed(error=failure.detail, now=now)
    else:
        mail.settle_later(failure.detail, now=now)
    mail.save()


def retry(mail: OutgoingMail) -> None:
    """An officer has a refused mail tried again; the row is locked by the caller."""
    mail.queue_again(now=timezone.now())
    mail.save()
    queue.after_commit(SEND, mail.pk)


def discard(mail: OutgoingMail) -> None:
    """An officer gives a mail up; the row is locked by the caller."""
    mail.discard()
    mail.save()
