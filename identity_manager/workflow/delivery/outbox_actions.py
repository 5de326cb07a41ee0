"""Officers' actions on outbox mails: retry, discard, report a bounce; singly or in bulk."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.models import DeliveryState, MailState, OutgoingMail, Person, Role
from identity_manager.models.mail.outgoing_mail import IN_TROUBLE
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    Reason,
    Refused,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow.delivery import arrival, bounces
from identity_manager.workflow.policy import eligibility

NOT_HANDLER = Reason(
    "not-mail-handler", _("Only a Software Token Administrator of this organisational unit can do this.")
)
NOT_WAITING = Reason("mail-not-waiting", _("This mail was sent or discarded, so there is nothing to do."))
UNDER_WAY = Reason("mail-under-way", _("This mail is being sent at this moment. Look again in a minute."))
DUE = Reason("mail-due", _("This mail goes out as soon as a worker is free. There is nothing to retry."))
TEXT_GONE = Reason(
    "mail-text-gone", _("The text of this mail is kept no longer, so it cannot be sent again. Discard it.")
)
NOT_SENT = Reason("mail-not-sent", _("Only a mail that was sent can come back."))
NOTICE = Reason(
    "mail-is-a-notice",
    _("This mail tells a person of their account or their identity, so nobody discards it. Have it retried."),
)
GAVE_CODE = Reason(
    "delivery-of-your-code",
    _("You made a sign-in code for this person. Somebody else decides about the mails that deliver to them."),
)
BY_OFFICER = "told by an officer"


@dataclass(frozen=True)
class Tally:
    """Counts of an action on many mails: done, changed meanwhile, refused to this actor."""

    done: int = 0
    stale: int = 0
    not_allowed: int = 0


def may_retry(actor: Person, mail: OutgoingMail) -> bool:
    """System Administrators retry any mail without reading it; otherwise as may_discard."""
    unit = _person_of(mail).organisational_unit
    operates = actor.is_active and actor.has_role(Role.SYSTEM_ADMINISTRATOR, unit=unit)
    return operates or may_discard(actor, mail)


def may_discard(actor: Person, mail: OutgoingMail) -> bool:
    """Whether the actor administers the person that the mail is about, else its recipient."""
    return eligibility.administers(actor, _person_of(mail))


def obstacle(mail: OutgoingMail) -> Reason | None:
    """Why this mail can neither be retried nor discarded now, or None."""
    if mail.state not in (MailState.QUEUED, *IN_TROUBLE):
        return NOT_WAITING
    return UNDER_WAY if mail.is_leased(timezone.now()) else None


def delivery_obstacle(*, actor: Person, mail: OutgoingMail) -> Reason | None:
    """Why this actor may not act on a delivery mail, or None.

    An officer who can sign in as the person could mark the mail as failed and fetch the files.
    """
    holds_code = mail.delivers and eligibility.code_obstacle(actor, _person_of(mail)) is not None
    return GAVE_CODE if holds_code else None


def opening_obstacle(*, actor: Person, mail: OutgoingMail) -> Reason | None:
    """Why this actor may not open the guarded download, or None (arrival.decision_obstacle)."""
    person = _person_of(mail)
    if not mail.delivers:
        return None
    if actor.pk == person.pk:
        return arrival.YOUR_OWN
    return delivery_obstacle(actor=actor, mail=mail) or vouching_policy.obstacle(actor, person)


def discarding_obstacle(mail: OutgoingMail) -> Reason | None:
    """Why the mail cannot be discarded by anybody now, or None."""
    return obstacle(mail) or (NOTICE if mail.is_notice else None)


def retry(*, actor: Person, mail_id: uuid.UUID) -> OutgoingMail:
    """Send a waiting, refused or bounced mail now.

    Raises NotAllowed, Stale, or NotPossible where retention has deleted its text.
    """
    with transaction.atomic():
        mail = locking.mail(mail_id)
        require(may_retry(actor, mail), else_=NOT_HANDLER, kind=NotAllowed)
        refuse(delivery_obstacle(actor=actor, mail=mail), kind=NotAllowed)
        refuse(obstacle(mail) or _due(mail), kind=Stale)
        refuse(TEXT_GONE if mail.is_emptied else None)

        if mail.state == MailState.QUEUED:
            outbox.make_due_now(mail)
        else:
            outbox.retry(mail)
            _deliver_again(mail)
        _record(audit.Event.MAIL_RETRIED, actor, mail)
        return mail


def discard(*, actor: Person, mail_id: uuid.UUID, reason: str) -> OutgoingMail:
    """Discard a mail with a reason. Files of a delivery then wait in Self-Service.

    Raises NotAllowed, Stale, or NotPossible at the field `reason`.
    """
    with transaction.atomic():
        mail = locking.mail(mail_id)
        require(may_discard(actor, mail), else_=NOT_HANDLER, kind=NotAllowed)
        refuse(opening_obstacle(actor=actor, mail=mail), kind=NotAllowed)
        refuse(obstacle(mail), kind=Stale)
        refuse(NOTICE if mail.is_notice else None)
        require(reason.strip(), else_=NO_REASON, field="reason")

        words = reason.strip()[:LONGEST_REASON]
        outbox.discard(mail, reason=words)
        bounces.not_delivered(mail, detail=words)
        _record(audit.Event.MAIL_DISCARDED, actor, mail, reason=words)
        return mail


def bounce_obstacle(mail: OutgoingMail) -> Reason | None:
    """Why the mail cannot have bounced, or None."""
    return None if mail.state == MailState.SENT else NOT_SENT


def report_bounce(*, actor: Person, mail_id: uuid.UUID, reason: str) -> OutgoingMail:
    """Mark a sent mail as bounced, as SMTP bounces are mails to the sender.

    Raises NotAllowed, Stale, or NotPossible at the field `reason`.
    """
    with transaction.atomic():
        mail = locking.mail(mail_id)
        require(may_discard(actor, mail), else_=NOT_HANDLER, kind=NotAllowed)
        refuse(opening_obstacle(actor=actor, mail=mail), kind=NotAllowed)
        refuse(bounce_obstacle(mail), kind=Stale)
        require(reason.strip(), else_=NO_REASON, field="reason")

        words = reason.strip()[:LONGEST_REASON]
        mail.bounce(error=words, error_code=BY_OFFICER, now=timezone.now())
        mail.save()
        bounces.not_delivered(mail, detail=words)
        _record(audit.Event.MAIL_BOUNCED, actor, mail, error=BY_OFFICER)
        return mail


def retry_many(*, actor: Person, mail_ids: Iterable[uuid.UUID]) -> Tally:
    """Retry each mail in a transaction of its own; count what was refused, and leave it as it is."""
    return _tally(partial(retry, actor=actor), mail_ids)


def discard_many(*, actor: Person, mail_ids: Iterable[uuid.UUID], reason: str) -> Tally:
    """Discard each with the same reason. Raises NotPossible without one, before anything is done."""
    require(reason.strip(), else_=NO_REASON, field="reason")
    return _tally(partial(discard, actor=actor, reason=reason), mail_ids)


def _tally(verb: Callable[..., OutgoingMail], mail_ids: Iterable[uuid.UUID]) -> Tally:
    results = Counter(_result(verb, mail_id) for mail_id in mail_ids)
    return Tally(**results)


def _result(verb: Callable[..., OutgoingMail], mail_id: uuid.UUID) -> str:
    """Name the field of Tally that counts this mail."""
    try:
        verb(mail_id=mail_id)
    except NotAllowed:
        return "not_allowed"
    except Refused:
        return "stale"
    return "done"


def _due(mail: OutgoingMail) -> Reason | None:
    moment = mail.next_attempt_at
    return DUE if moment is not None and moment <= timezone.now() else None


def _person_of(mail: OutgoingMail) -> Person:
    return mail.request.person if mail.request else mail.person


def _deliver_again(mail: OutgoingMail) -> None:
    if mail.token is not None and mail.delivers and mail.token.delivery == DeliveryState.BOUNCED:
        mail.token.delivery = DeliveryState.QUEUED
        mail.token.save()


def _record(event: audit.Event, actor: Person, mail: OutgoingMail, **facts: str) -> None:
    subject = mail.token or mail.request or mail.person
    audit.record(event, actor=actor, subject=subject, message=mail.message, **facts)
