"""Resending of a token's files, by its person or an administrator."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.pkcs12.writer import written_formats
from identity_manager import audit
from identity_manager.models import DeliveryState, MailState, OutgoingMail, Person, SoftwareToken
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import arrival, queueing
from identity_manager.workflow.policy import eligibility, permitted_actions
from identity_manager.workflow.requests.cancellation import sender_obstacle

NOT_SENDABLE = Reason("not-sendable", _("This token is not in use, so its file is not sent."))
ON_ITS_WAY = Reason("on-its-way", _("The file is on its way already. Look into the mailbox in a moment."))
KEPT_NO_LONGER = Reason("kept-no-longer", _("The files of this token are kept no longer."))
MOST_MAILS_A_DAY = 10  # rate limit per token, against mailboxes full of keys
SENT_OFTEN = Reason(
    "sent-often",
    _(
        "The file was mailed ten times within 24 hours. Look among the junk mail, too, or whether the address"
        " is right. By this time tomorrow it can be sent again."
    ),
)
SEALED_BEFORE = Reason(
    "sealed-before-format", _("This token was sealed before files of this format were made.")
)
NO_SUCH_FORMAT = Reason("no-such-format", _("There is no file in this format."))


def sending_obstacle(token: SoftwareToken) -> Reason | None:
    """Why the files cannot be mailed again by anybody in any format, or None."""
    if token.is_by_targets:
        return permitted_actions.BY_TARGETS_ALONE
    if not (permitted_actions.can_be_sent(token) and token.person.is_active):
        return NOT_SENDABLE
    return permitted_actions.delivery_obstacle(token) or (None if token.has_files else KEPT_NO_LONGER)


def often_obstacle(token: SoftwareToken) -> Reason | None:
    """Whether today's limit is reached, or None."""
    since = timezone.now() - timedelta(days=1)
    mails = token.mails.filter(message="delivery", created_at__gt=since).exclude(state=MailState.DISCARDED)
    return SENT_OFTEN if mails.count() >= MOST_MAILS_A_DAY else None


def send_again(*, actor: Person, token_id: uuid.UUID, container_format: str) -> OutgoingMail:
    """Mail the containers again in the given format. Needs no secret.

    For owner and administrators, up to MOST_MAILS_A_DAY. Raises NotAllowed, NotPossible (format) or
    Stale.
    """
    with transaction.atomic():
        token = locking.token(token_id)
        allowed = token.person_id == actor.pk or eligibility.administers(actor, token.person)
        require(allowed, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(sender_obstacle(actor=actor, person=token.person), kind=NotAllowed)
        refuse(permitted_actions.BY_TARGETS_ALONE if token.is_by_targets else None)
        require(
            permitted_actions.can_be_sent(token) and token.person.is_active,
            else_=NOT_SENDABLE,
            kind=Stale,
        )
        refuse(permitted_actions.delivery_obstacle(token))
        known = container_format in {each.value for each in written_formats()}
        require(token.containers.exists(), else_=KEPT_NO_LONGER, kind=Stale)
        require(known, else_=NO_SUCH_FORMAT, field="container_format")
        there = token.containers.filter(format=container_format).exists()
        require(there, else_=SEALED_BEFORE, field="container_format")
        waiting = token.mails.filter(state=MailState.QUEUED, container_format=container_format).exists()
        refuse(ON_ITS_WAY if waiting else None, kind=NotPossible)
        refuse(often_obstacle(token))

        mail = queueing.queue_delivery(token, container_format=container_format)
        if token.delivery not in step7_deliver.DELIVERED:
            token.delivery = DeliveryState.QUEUED
            token.save()
        arrival.end_by_sending(token, actor=actor)
        audit.record(audit.Event.TOKEN_SENT_AGAIN, actor=actor, subject=token, format=container_format)
        return mail
