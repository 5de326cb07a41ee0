"""Delivery reports (RFC 3464): read from a mailbox, and applied to the mails of the outbox that they name.

Idempotent: after a crash the next run reads the same messages, and a report is stored once, by its key.
Several nodes may run it at once.
"""

import hashlib
import logging

from django.conf import settings

from identity_manager.mail import sending
from identity_manager.mail.delivery_reports import report_mailbox
from identity_manager.mail.delivery_reports.parsing import Action, DeliveryReport, parse
from identity_manager.models import MailEventKind, OutgoingMail
from identity_manager.workflow.delivery import bounces

KINDS = {Action.FAILED: MailEventKind.BOUNCED, Action.DELAYED: MailEventKind.DELAYED}
logger = logging.getLogger(__name__)


def read_mailbox() -> int:
    """Read the new messages of the report mailbox; return how many were reports about our mails.

    Raises report_mailbox.MailboxError if it cannot be read.
    """
    if not settings.REPORT_MAILBOX_HOST:
        return 0
    ours = 0
    with report_mailbox.opened() as mailbox:
        for uid in mailbox.unread():
            is_ours = receive(mailbox.octets(uid))
            mailbox.mark(uid, delete=is_ours)
            ours += is_ours
        if ours:
            mailbox.expunge()
    return ours


def receive(octets: bytes) -> bool:
    """Apply one message of the mailbox; return whether it was a report about a mail of ours.

    A report that names a mail without the secret part of its Message-ID changes nothing.
    """
    report = parse(octets)
    if report is None:
        return False
    for name in report.message_ids:
        key = sending.mail_of(name)
        mail = OutgoingMail.objects.filter(pk=key).first() if key else None
        if mail is not None and sending.is_ours(name, mail):
            bounces.receive_notice(notice=_notice(report, name))
            return True
    logger.warning("A delivery report is about no mail of ours, or an earlier sending of one")
    return False


def _notice(report: DeliveryReport, name: str) -> bounces.Notice:
    return bounces.Notice(
        key=hashlib.sha256(f"{bounces.BY_MAILBOX}\n{report.action.name}\n{name}".encode()).hexdigest(),
        provider=bounces.BY_MAILBOX,
        kind=KINDS[report.action],
        message_id=name[:200],
        code=report.code[:60],
        detail=report.detail[:500],
    )
