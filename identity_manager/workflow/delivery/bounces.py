"""Bounces, delays and spam complaints: reported by the mail provider's webhook, or read from a mailbox.

The webhook is authenticated; anybody can write to the mailbox. So a report by mail opens a task for officers,
never the download (arrival.py).

A report may arrive repeatedly, and before the sending is settled: then it waits for the settle (apply_early).
Both sides commit their part before they look for the other's, so at least one finds both: here the report, in
step 7 the provider's id (outbox.note_provider_id).

A late report about an earlier sending of the same mail is stored and does not affect the current sending.
"""

import uuid
from dataclasses import dataclass

from django.conf import settings
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
from identity_manager.transactions import locking
from identity_manager.workflow.delivery import arrival

BY_MAILBOX = "mailbox"  # provider of reports that came by mail


@dataclass(frozen=True)
class Notice:
    """A provider's report.

    key: identical for repeated reports; message_id: the provider's id, or our Message-ID.
    """

    key: str
    provider: str
    kind: MailEventKind
    message_id: str
    code: str
    detail: str


def receive_notice(*, notice: Notice) -> None:
    """Store a report once and apply it. Reports about unknown mails are ignored."""
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
    """Insert the report, or return the row that was stored before."""
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
    """Apply reports that arrived before the sending was settled; the caller has locked the mail.

    Without a provider or a mailbox of reports there are none.
    """
    if not (settings.ANYMAIL or settings.REPORT_MAILBOX_HOST):
        return
    own = sending.message_id(mail)
    for event in MailEvent.objects.unmatched({mail.provider_id, own, own.strip("<>")}):
        _apply(event, mail)


def delivery_failed(token: SoftwareToken, mail: OutgoingMail, *, detail: str) -> None:
    """Mark the newest delivery mail of a locked token as failed: its files wait in Self-Service."""
    newer = token.mails.filter(message=mail.message, created_at__gt=mail.created_at)
    if token.delivery == DeliveryState.FETCHED or newer.exclude(state=MailState.DISCARDED).exists():
        return
    token.delivery = DeliveryState.BOUNCED
    token.save()
    audit.record(audit.Event.TOKEN_DELIVERY_FAILED, actor=None, subject=token, detail=detail)


def not_delivered(mail: OutgoingMail, *, detail: str) -> None:
    """A delivery mail did not deliver its files; the caller has locked the token.

    Also for a token on hold: its files wait in Self-Service when the hold ends.
    """
    if mail.token is not None and mail.delivers and mail.token.is_in_use:
        delivery_failed(mail.token, mail, detail=detail)


def _mail_of(notice: Notice) -> uuid.UUID | None:
    """The mail by the provider's id, also of an earlier sending with a report; else by our Message-ID, which
    contains the mail's id.
    """
    found = OutgoingMail.objects.with_provider_id(notice.message_id).values_list("pk", flat=True).first()
    reported = MailEvent.objects.filter(message_id=notice.message_id, mail__isnull=False)
    found = found or reported.values_list("mail", flat=True).first()
    if found is not None:
        return found
    own = sending.mail_of(notice.message_id)
    if own is None:
        return None
    return OutgoingMail.objects.filter(pk=own).values_list("pk", flat=True).first()


def _own_name(message_id: str) -> str:
    """Local part of our Message-ID; the domain may have changed since."""
    return message_id.strip("<>").partition("@")[0]


def _is_of_newest_sending(event: MailEvent, mail: OutgoingMail) -> bool:
    """Whether the report is about the newest sending: by the provider's id, or by our Message-ID.

    A provider may name a Message-ID from before it had a second part.
    """
    names = {_own_name(sending.message_id(mail))}
    if event.provider != BY_MAILBOX:
        names.add(str(mail.pk))
    return event.message_id == mail.provider_id or _own_name(event.message_id) in names


def _apply(event: MailEvent, mail: OutgoingMail) -> None:
    """Apply a report to its mail; while the sending is not settled the report waits for it."""
    is_newest = _is_of_newest_sending(event, mail)
    if is_newest and mail.state == MailState.QUEUED:
        return
    event.mail = mail
    event.save()
    if event.kind == MailEventKind.COMPLAINED:
        mail.complained_at = timezone.now()
        mail.save()
        _record(audit.Event.MAIL_COMPLAINED, mail, event)
    elif event.kind == MailEventKind.DELAYED:
        _apply_delay(event, mail, is_newest=is_newest)
    elif is_newest and mail.state == MailState.SENT:
        mail.bounce(error=event.detail, error_code=event.code, now=timezone.now())
        mail.save()
        _record(audit.Event.MAIL_BOUNCED, mail, event)
        if mail.token is not None and mail.delivers and event.provider == BY_MAILBOX:
            arrival.open_by_report(mail, detail=event.detail)
        elif mail.token is not None and mail.delivers:
            delivery_failed(mail.token, mail, detail=event.detail)


def _apply_delay(event: MailEvent, mail: OutgoingMail, *, is_newest: bool) -> None:
    if is_newest and mail.state == MailState.SENT:
        mail.delayed_at = timezone.now()
        mail.save()
        _record(audit.Event.MAIL_DELAYED, mail, event)


def _record(name: audit.Event, mail: OutgoingMail, event: MailEvent) -> None:
    subject = mail.token or mail.request or mail.person
    audit.record(name, actor=None, subject=subject, message=mail.message, error=event.code)
