"""Builds and sends one mail (MIME message); changes no row."""

import logging
import uuid
from base64 import b32encode
from datetime import UTC
from email.charset import QP, Charset
from email.errors import MessageError
from email.headerregistry import Address
from email.mime.image import MIMEImage
from email.utils import format_datetime, parseaddr
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, SafeMIMEMultipart
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.timezone import make_naive

from identity_manager.mail import idempotency, inline_logo
from identity_manager.mail.faults import ERRORS, DeliveryFault, fault_of
from identity_manager.models import Container, MailFault, OutgoingMail

logger = logging.getLogger(__name__)

PROVIDER_ID_LENGTH = 200  # length of the column
CONTAINER_TYPE = "application/x-pkcs12"
# 7bit only: a server without 8BITMIME accepts nothing else (RFC 6152 3), and if a relay re-encodes the
# message, its DKIM signature breaks (RFC 6376 5.3).
SEVEN_BITS = Charset("utf-8")
SEVEN_BITS.body_encoding = QP
OUR_MISTAKE = "Something broke here, not at the mail server. The log has the details."


class SameEachTime(EmailMultiAlternatives):
    """A message that serialises to the same bytes each time, so that servers can deduplicate it."""

    def __init__(self, mail: OutgoingMail, **options: Any) -> None:
        super().__init__(**options)
        self._mail = mail

    def message(self, **options: Any) -> Any:
        """Date of the mail (RFC 5322 3.6.1) and boundaries derived from the Message-ID.

        No quoted-printable or base64 text holds "=_" (RFC 2045 6.7).
        """
        written = super().message(**options)
        written.replace_header("Date", format_datetime(make_naive(self._mail.dated, UTC)))
        for number, part in enumerate(part for part in written.walk() if part.is_multipart()):
            part.set_boundary(f"=_{self._mail.pk.hex}_{number}")
        return written

    def _create_attachments(self, msg: Any) -> Any:
        """Nest parts: inline images with the alternatives in multipart/related (RFC 2387), then the files."""
        every = self.attachments
        images = [each for each in every if isinstance(each, MIMEImage)]
        if images:
            body, msg = msg, SafeMIMEMultipart(_subtype="related", encoding=self.encoding)
            for each in (body, *images):
                msg.attach(each)
        self.attachments = [each for each in every if each not in images]
        try:
            return super()._create_attachments(msg)  # type: ignore[misc]  # Django has it, its stubs have not
        finally:
            self.attachments = every


class SendingError(Exception):
    """Sending failed; fault is its classification. The detail is for operators."""

    def __init__(self, fault: DeliveryFault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class NoFilesError(Exception):
    """The containers to be attached were deleted by retention."""


def send(mail: OutgoingMail) -> str:
    """Send the mail, with containers where it delivers a token.

    Returns the provider's id of the message; empty with SMTP. Raises SendingError, NoFilesError, and
    SoftTimeLimitExceeded at the end of the task's time, when nobody knows whether it was sent.
    """
    try:
        message = build(mail)
        with idempotency.with_idempotency_key(message, key=mail.sending_key):
            message.send()
    except (NoFilesError, SoftTimeLimitExceeded):
        raise
    except ERRORS as error:
        if idempotency.was_taken_before(error):
            return ""
        raise SendingError(fault_of(error)) from error
    except Exception as error:
        logger.exception("The mail %s could not be written or sent", mail.pk)
        raise SendingError(DeliveryFault(MailFault.PASSING, type(error).__name__, OUR_MISTAKE)) from error
    status = getattr(message, "anymail_status", None)
    return str(getattr(status, "message_id", None) or "")[:PROVIDER_ID_LENGTH]


def build(mail: OutgoingMail) -> EmailMultiAlternatives:
    """Build the message, with the same Message-ID at each attempt, so that receivers can drop duplicates.

    Raises NoFilesError.
    """
    message = SameEachTime(
        mail,
        subject=_plain(mail.subject),
        body=mail.body_text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[_recipient(mail)],
        headers={
            "Message-ID": message_id(mail),
            "Auto-Submitted": "auto-generated",
            "Content-Language": mail.language,  # RFC 3282; screen readers use it
        },
    )
    message.encoding = SEVEN_BITS
    message.attach_alternative(mail.body_html, "text/html")
    if (logo := inline_logo.part(mail.body_html)) is not None:
        message.attach(logo)
    for container in _containers(mail):
        message.attach(container.file_name, container.content, CONTAINER_TYPE)
    return message


def message_id(mail: OutgoingMail) -> str:
    """The mail's Message-ID: the same at each attempt, until an officer retries it.

    It contains a MAC, so that only the receivers of a mail can forge a delivery report about it, and not
    somebody who knows its id.
    """
    return f"<{_local_part(mail)}@{_domain()}>"


def message_id_start(mail: OutgoingMail) -> str:
    """The part of the Message-ID that officers see, sufficient to search a mail server's log."""
    return f"<{mail.pk.hex}.…@{_domain()}>"


def mail_of(message_id: str) -> uuid.UUID | None:
    """The id of the mail in a Message-ID of ours, not verified (is_ours does); None for others."""
    try:
        return uuid.UUID(message_id.strip("<>").partition("@")[0].partition(".")[0])
    except ValueError:
        return None


def is_ours(message_id: str, mail: OutgoingMail) -> bool:
    """Whether it is the Message-ID of the mail's latest sending, its MAC verified."""
    local = message_id.strip("<>").partition("@")[0]
    return constant_time_compare(local, _local_part(mail))


def _local_part(mail: OutgoingMail) -> str:
    """The mail's id and 80 bits of a MAC; short, as a long Message-ID would be folded."""
    mac = salted_hmac("identity_manager.message_id", mail.sending_key.hex, algorithm="sha256").digest()
    return f"{mail.pk.hex}.{b32encode(mac[:10]).decode().lower()}"


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]


def _recipient(mail: OutgoingMail) -> str:
    """Display name and address, encoded by the header's rules. Raises ValueError.

    Python's parser raises IndexError for some malformed addresses, such as `jane@`.
    """
    try:
        return str(Address(display_name=_plain(mail.person.display_name), addr_spec=mail.to_address))
    except (IndexError, MessageError) as error:
        raise ValueError("The address is none.") from error


def _plain(text: str) -> str:
    """The text on one line, without anything that mail programs decode as an encoded word (RFC 2047 2)."""
    return " ".join(text.split()).replace("=?", "= ?")


def _containers(mail: OutgoingMail) -> list[Container]:
    if mail.token_id is None or not mail.carries_files:
        return []
    found = list(Container.objects.filter(token_id=mail.token_id, format=mail.container_format))
    if not found:
        raise NoFilesError
    return found
