"""Step 7: one mail for each token, with its containers attached and the way to install them.

Delivered and acknowledged are independent of each other: mail may be late while the passphrase is noted.
"""

import uuid

from django.db import transaction
from django.utils import timezone

from identity_manager import audit, outbox
from identity_manager.mail import messages, sending
from identity_manager.models import DeliveryState, OutgoingMail, SoftwareToken
from identity_manager.workflow import finishing, locking


def queue_delivery(token: SoftwareToken, *, container_format: str) -> OutgoingMail:
    """Queue the next delivery mail of a locked token, in the caller's transaction."""
    number = token.mails.filter(message="delivery").count() + 1
    return outbox.enqueue(messages.delivery(token, container_format=container_format, number=number))


def send(*, mail_id: uuid.UUID) -> None:
    """Send one mail of the outbox and settle what came of it. Does nothing where it is not due."""
    mail = outbox.claim(mail_id)
    if mail is None:
        return
    failure = None
    try:
        sending.send(mail)
    except sending.SendingError as error:
        failure = error
    with transaction.atomic():
        row = locking.mail(mail_id)
        if row.claim_id != mail.claim_id:
            return
        outbox.settle(row, failure)
        if row.token is not None and row.container_format:
            _settle_delivery(row.token, failure)


def _settle_delivery(token: SoftwareToken, failure: sending.SendingError | None) -> None:
    if failure is None:
        token.delivery = DeliveryState.SENT
        token.delivered_at = timezone.now()
        token.save()
        audit.record(audit.Event.TOKEN_DELIVERED, actor=None, subject=token)
        finishing.activate_if_delivered_and_noted(token)
    elif failure.permanent and token.delivery == DeliveryState.QUEUED:
        token.delivery = DeliveryState.BOUNCED
        token.save()
        audit.record(audit.Event.TOKEN_DELIVERY_FAILED, actor=None, subject=token, detail=failure.detail)
