"""Builds and sends one message; changes no row."""

import smtplib
from email.headerregistry import Address
from email.utils import parseaddr

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRequestsAPIError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from identity_manager.models import Container, OutgoingMail

CONTAINER_TYPE = "application/x-pkcs12"


class SendingError(Exception):
    """The mail server did not take it: for good, or for the moment. detail is for operators."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.permanent = permanent


def send(mail: OutgoingMail) -> None:
    """Send the mail, with its containers where it delivers a token. Raises SendingError."""
    message = build(mail)
    try:
        message.send()
    except (smtplib.SMTPException, AnymailError, requests.RequestException, OSError, ValueError) as error:
        raise SendingError(_detail(error), permanent=_is_permanent(error)) from error


def build(mail: OutgoingMail) -> EmailMultiAlternatives:
    """Return the message. Its Message-ID stays the same at each try, so that receivers can drop doubles."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    message = EmailMultiAlternatives(
        subject=" ".join(mail.subject.split()),
        body=mail.body_text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[_recipient(mail)],
        headers={"Message-ID": f"<{mail.pk}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(mail.body_html, "text/html")
    for container in _containers(mail):
        message.attach(container.file_name, container.content, CONTAINER_TYPE)
    return message


def _recipient(mail: OutgoingMail) -> str:
    """The name as the person writes it, encoded by the header's own rules."""
    return str(Address(display_name=mail.person.display_name, addr_spec=mail.to_address))


def _containers(mail: OutgoingMail) -> list[Container]:
    if mail.token_id is None or not mail.container_format:
        return []
    return list(Container.objects.filter(token_id=mail.token_id, format=mail.container_format))


def _is_permanent(error: Exception) -> bool:
    """5xx of SMTP and 4xx (but 429) of an API are for good; what cannot even be written is, too."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return all(_is_permanent_code(code) for code, _text in error.recipients.values())
        case smtplib.SMTPAuthenticationError():
            return False
        case smtplib.SMTPResponseException():
            return _is_permanent_code(error.smtp_code)
        case AnymailRequestsAPIError() | AnymailAPIError():
            status = getattr(error, "status_code", None)
            return status is not None and 400 <= status < 500 and status not in (401, 403, 408, 429)
        case ValueError():
            return True
    return False


def _is_permanent_code(code: int) -> bool:
    return 500 <= code < 600


def _detail(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
