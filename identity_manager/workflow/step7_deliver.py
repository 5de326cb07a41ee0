"""Step 7: one mail for each token, with its containers attached (or the way to them) and how to install them.

Delivery and acknowledgement are independent: mail may be late while the passphrase is already noted.
"""

import uuid
from collections.abc import Iterable
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.utils import timezone

from ca_bridge.telemetry import TRACE
from identity_manager import audit
from identity_manager.mail import outbox, sending
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import (
    DeliveryState,
    MailFault,
    MailState,
    OutgoingMail,
    SoftwareToken,
)
from identity_manager.telemetry import correlation, instruments
from identity_manager.transactions import locking
from identity_manager.transactions.retry_later import for_each_isolated, retry_later_on_error
from identity_manager.workflow import completion
from identity_manager.workflow.delivery import bounces, mail_relevance

PUT_OFF = "put off"
OUTCOMES = (PUT_OFF, *(state.value for state in MailState if state != MailState.QUEUED))
DELIVERED = (DeliveryState.SENT, DeliveryState.FETCHED)


def send_all(mail_ids: Iterable[uuid.UUID]) -> None:
    """Send the mails that a message names, each for itself. Raises the first error at the end."""
    for_each_isolated(mail_ids, lambda pk: send(mail_id=pk))


def send(*, mail_id: uuid.UUID) -> None:
    """Claim one mail of the outbox, send it, and settle the outcome. Does nothing if it is not due.

    A mail whose token or request has ended is discarded; one waits while its person is on leave, its token on
    hold or its request stopped. An error is stored on the mail, which is retried with growing delays.
    """
    mail = outbox.claim(mail_id)
    if mail is None:
        return
    with retry_later_on_error(partial(_put_off, mail)):
        outcome = mail_relevance.obstacle(mail) or _act(mail)
    with retry_later_on_error(partial(_put_off, mail, is_sent=isinstance(outcome, str))):
        _write_down(mail, outcome)


def _put_off(mail: OutgoingMail, error: Exception, *, is_sent: bool = False) -> None:
    """Settle the mail's lease with a later retry, if the claim still holds.

    is_sent: it was sent, but not settled. So perhaps was the one during which the task's time ended. Both are
    retried when the lease ends, as after a crash.
    """
    is_sent = is_sent or isinstance(error, SoftTimeLimitExceeded)
    with transaction.atomic():
        row = locking.claimed_mail(mail)
        if row.claim_id == mail.claim_id:
            fault = DeliveryFault(MailFault.PASSING, type(error).__name__, sending.OUR_MISTAKE)
            outbox.settle_fault(row, fault, not_before=mail.leased_until if is_sent else None)


def _write_down(mail: OutgoingMail, outcome: str | DeliveryFault | mail_relevance.NoLongerRelevant) -> None:
    if isinstance(outcome, str):
        outbox.note_provider_id(mail, outcome)
    with transaction.atomic():
        row = locking.claimed_mail(mail)
        if row.claim_id != mail.claim_id:
            return
        _settle(row, outcome)
    instruments.MAILS.labels(row.state if row.state != MailState.QUEUED else PUT_OFF).inc()


def _act(mail: OutgoingMail) -> str | DeliveryFault | mail_relevance.NoLongerRelevant:
    with TRACE.span("send mail", {"message": mail.message}, None) as note:
        try:
            return sending.send(mail)
        except sending.SendingError as error:
            note("outcome", str(error.fault.kind))
            return error.fault
        except sending.NoFilesError:
            note("outcome", "no files")
            return mail_relevance.without_files()


def _settle(mail: OutgoingMail, outcome: str | DeliveryFault | mail_relevance.NoLongerRelevant) -> None:
    match outcome:
        case mail_relevance.NoLongerRelevant():
            correlation.set_result("discarded")
            outbox.discard(mail, reason=outcome.reason)
            audit.record(
                audit.Event.MAIL_DISCARDED,
                actor=None,
                subject=mail.token or mail.request or mail.person,
                message=mail.message,
                reason=outcome.reason,
            )
            if mail.token is not None and mail.token.delivery == DeliveryState.QUEUED:
                bounces.not_delivered(mail, detail=outcome.reason)
        case DeliveryFault():
            outbox.settle_fault(mail, outcome)
            if outcome.kind == MailFault.REFUSED and mail.token is not None and mail.delivers:
                bounces.delivery_failed(mail.token, mail, detail=outcome.detail)
        case str():
            outbox.settle_sent(mail, provider_id=outcome)
            if mail.token is not None and mail.delivers:
                _delivered(mail.token, mail)
            bounces.apply_early(mail)


def _delivered(token: SoftwareToken, mail: OutgoingMail) -> None:
    """Mark the token sent, or offered for a mail with a link only; a link does not undo a delivery."""
    if mail.carries_files:
        _mark(token, DeliveryState.SENT, audit.Event.TOKEN_DELIVERED)
        completion.activate_if_delivered_and_noted(token)
    elif token.delivery not in DELIVERED:
        _mark(token, DeliveryState.OFFERED, audit.Event.TOKEN_OFFERED)


def _mark(token: SoftwareToken, delivery: DeliveryState, event: audit.Event) -> None:
    token.delivery = delivery
    token.delivered_at = timezone.now() if delivery == DeliveryState.SENT else token.delivered_at
    token.save()
    audit.record(event, actor=None, subject=token)
