"""What comes back: a mail that the server had taken, and that nobody got, or that was called spam.

The provider tells it by a webhook, more than once if it likes, and sometimes before we have written down
that the mail was sent: then the word waits for the settle (apply_early). Each side writes what it has and
commits it before it looks for what the other has, so that at least one of them finds both: here the word, in
step 7 what the provider calls the mail (outbox.note_provider_id).

What is told late of a sending that is over, since an officer has had the mail tried again, is kept with the
mail and says nothing of the sending that came after it.
"""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import sending
from identity_manager.models import (
    DeliveryState,
    MailEvent,
    MailEventKind,
    MailState,
    OutgoingMail,
    SoftwareToken,
)
from identity_manager.models.requests.software_token import IN_USE
from identity_manager.transactions import locking


@dataclass(frozen=True)
class Notice:
    """What a provider tells. key is the same each time it tells this; message_id is its name of the mail,
    or our Message-ID."""

    key: str
    provider: str
    kind: MailEventKind
    message_id: str
    code: str
    detail: str


def receive_notice(*, notice: Notice) -> None:
    """Keep what the provider tells, once, and draw the consequence. Mails of others are none of ours."""
    event_id = _keep(notice)
    mail_id = _mail_of(notice)
    if mail_id is None:
        return
    with transaction.atomic():
        mail = locking.mail(mail_id)
        event = MailEvent.objects.get(pk=event_id)
        if event.mail_id is None:
            _apply(event, mail)


def _keep(notice: Notice) -> int:
    """Which word of the database it is: a new one, or the one that was told before."""
    with transaction.atomic():
        MailEvent.objects.forgettable(timezone.now()).delete()
        event, _created = MailEvent.objects.get_or_create(
            key=notice.key,
            defaults={
                "provider": notice.provider,
                "kind": notice.kind,
                "message_id": notice.message_id,
                "code": notice.code,
                "detail": notice.detail,
            },
        )
        return event.pk


def apply_early(mail: OutgoingMail) -> None:
    """Apply what was told of a mail before its sending was settled; the row is locked by the caller."""
    own = sending.message_id(mail)
    for event in MailEvent.objects.unmatched({mail.provider_id, own, own.strip("<>")}):
        _apply(event, mail)


def delivery_failed(token: SoftwareToken, mail: OutgoingMail, *, detail: str) -> None:
    """The newest delivery mail of a locked token did not arrive: its files wait in Self-Service now."""
    newer = token.mails.filter(message=mail.message, created_at__gt=mail.created_at)
    if token.delivery == DeliveryState.FETCHED or newer.exclude(state=MailState.DISCARDED).exists():
        return
    token.delivery = DeliveryState.BOUNCED
    token.save()
    audit.record(audit.Event.TOKEN_DELIVERY_FAILED, actor=None, subject=token, detail=detail)


def not_delivered(mail: OutgoingMail, *, detail: str) -> None:
    """A mail brings its token's files no more; on a locked row.

    Also of a token on hold: when the hold ends its files wait in Self-Service.
    """
    if mail.token is not None and mail.delivers and mail.token.state in IN_USE:
        delivery_failed(mail.token, mail, detail=detail)


def _mail_of(notice: Notice) -> uuid.UUID | None:
    """By the provider's name of the mail, that of an earlier sending of which it told something, too; else by
    our Message-ID, which is the mail's own id.
    """
    found = OutgoingMail.objects.with_provider_id(notice.message_id).values_list("pk", flat=True).first()
    told = MailEvent.objects.filter(message_id=notice.message_id, mail__isnull=False)
    found = found or told.values_list("mail", flat=True).first()
    if found is not None:
        return found
    try:
        own = uuid.UUID(_own_name(notice.message_id))
    except ValueError:
        return None
    return OutgoingMail.objects.filter(pk=own).values_list("pk", flat=True).first()


def _own_name(message_id: str) -> str:
    """What a Message-ID of ours says before the domain, which may have changed since."""
    return message_id.strip("<>").partition("@")[0]


def _is_of_newest_sending(event: MailEvent, mail: OutgoingMail) -> bool:
    own = sending.message_id(mail)
    return event.message_id == mail.provider_id or _own_name(event.message_id) == _own_name(own)


def _apply(event: MailEvent, mail: OutgoingMail) -> None:
    """On a mail that waits still, the word waits too: its settle applies it."""
    is_newest = _is_of_newest_sending(event, mail)
    if is_newest and mail.state == MailState.QUEUED:
        return
    event.mail = mail
    event.save()
    if event.kind == MailEventKind.COMPLAINED:
        mail.complained_at = timezone.now()
        mail.save()
        _record(audit.Event.MAIL_COMPLAINED, mail, event)
    elif is_newest and mail.state == MailState.SENT:
        mail.bounce(error=event.detail, error_code=event.code, now=timezone.now())
        mail.save()
        _record(audit.Event.MAIL_BOUNCED, mail, event)
        if mail.token is not None and mail.delivers:
            delivery_failed(mail.token, mail, detail=event.detail)


def _record(name: audit.Event, mail: OutgoingMail, event: MailEvent) -> None:
    subject = mail.token or mail.request or mail.person
    audit.record(name, actor=None, subject=subject, message=mail.message, error=event.code)
