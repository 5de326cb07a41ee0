"""What went wrong when a mail was sent: passing, the configuration's fault, or a refusal of this one mail.

A fault of the configuration (a wrong password, a sender that the server does not know, a certificate that
does not verify) is as patient as a passing one, because the same would happen to every mail; it is told to
operators. Sources: RFC 5321 4.2.1 (4yz transient, 5yz permanent), RFC 3463 (enhanced status codes),
RFC 4954 6 (530, 534, 535, 538: authentication), the status codes of RFC 9110, anymail.exceptions.
"""

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass, replace

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailUnsupportedFeature,
)
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import override

from ca_bridge.connection import faults
from ca_bridge.errors import storable_text
from identity_manager import mail_connection
from identity_manager.models import MailFault

# What sending may raise; anything else is our own mistake.
ERRORS = (
    smtplib.SMTPException,
    AnymailError,
    requests.RequestException,
    ImproperlyConfigured,
    OSError,
    ValueError,
)
DETAIL_LENGTH = 500
CODE_LENGTH = 60
ENHANCED_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{60,}")
# RFC 4954 6: the server wants an authentication, or another one; no other recipient would fare better.
AUTHENTICATION_CODES = (530, 534, 535, 538)
TOO_LARGE = 552  # at MAIL FROM it is about this message (RFC 1870 6.1), not about the sender
# 401, 403: the key; 402: the bill; 404: the address of the API or the sending domain.
CONFIGURATION_STATUS = (401, 402, 403, 404)
# 409: Resend, while it is at work on the same mail, or has taken another text of it within 24 hours.
PASSING_STATUS = (408, 409, 425, 429)
PASSING, CONFIGURATION, REFUSED = MailFault.PASSING, MailFault.CONFIGURATION, MailFault.REFUSED


@dataclass(frozen=True)
class DeliveryFault:
    """kind says who has to do something; code is alike for mails with the same trouble; detail is for
    operators, and holds nothing of the mail but what the server wrote into its answer."""

    kind: MailFault
    code: str
    detail: str


def fault_of(error: Exception) -> DeliveryFault:
    """Tell what an error of ERRORS means."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return _of_answers(list(error.recipients.values()))
        case smtplib.SMTPResponseException():
            return _smtp(_kind_of_answer(error), error.smtp_code, _text(error.smtp_error))
        case AnymailRecipientsRefused():
            return _named(REFUSED, error, f"{error.esp_name or 'Provider'}: recipient refused")
        case AnymailAPIError():
            return _of_api(error)
        case OSError():
            return _of_connection(error, type(error).__name__)
    return _named(_kind_of_other(error), error, type(error).__name__)


def _of_answers(answers: list[tuple[int, bytes | str]]) -> DeliveryFault:
    """One recipient, one answer; of several the mildest counts, for then the mail is worth another try."""
    code, text = min(answers, key=lambda answer: answer[0])
    return _smtp(_kind_of_code(code, _text(text)), code, _text(text))


def _kind_of_answer(error: smtplib.SMTPResponseException) -> MailFault:
    """An answer to something else than a recipient: whose fault it is depends on what was asked."""
    passing = error.smtp_code < 500
    match error:
        case smtplib.SMTPAuthenticationError():
            return CONFIGURATION
        case _ if passing:
            return PASSING
        case smtplib.SMTPSenderRefused():
            return REFUSED if error.smtp_code == TOO_LARGE else CONFIGURATION
        case smtplib.SMTPHeloError() | smtplib.SMTPConnectError():
            return CONFIGURATION
    return _kind_of_code(error.smtp_code, _text(error.smtp_error))


def _kind_of_code(code: int, text: str) -> MailFault:
    if code in AUTHENTICATION_CODES or (code >= 500 and "relay" in text.lower()):
        return CONFIGURATION
    return REFUSED if 500 <= code < 600 else PASSING


def _of_api(error: AnymailAPIError) -> DeliveryFault:
    name = error.esp_name or "Provider"
    if error.status_code is None:
        return _of_connection(error, f"{name}: {type(error.__cause__ or error).__name__}")
    return _named(_kind_of_status(error.status_code), error, f"{name}: HTTP {error.status_code}")


def _kind_of_status(status: int) -> MailFault:
    if status in CONFIGURATION_STATUS:
        return CONFIGURATION
    return REFUSED if 400 <= status < 500 and status not in PASSING_STATUS else PASSING


def _kind_of_other(error: Exception) -> MailFault:
    """No answer came, or the message could not even be written."""
    match error:
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return PASSING
        case ssl.SSLError() | requests.exceptions.SSLError() | smtplib.SMTPNotSupportedError():
            return CONFIGURATION
        case socket.gaierror():
            return PASSING if error.errno == socket.EAI_AGAIN else CONFIGURATION
        case ImproperlyConfigured() | AnymailUnsupportedFeature():
            return CONFIGURATION
        case requests.RequestException():
            # An address of the API that is none is a ValueError too.
            return CONFIGURATION if isinstance(error, ValueError) else PASSING
        case ValueError() | TypeError():
            return REFUSED
    return PASSING


def _of_connection(error: Exception, code: str) -> DeliveryFault:
    """No answer came: who was asked and why, and the library's own words for who knows them."""
    with override("en"):
        sentence = faults.sentence(mail_connection.place(mail_connection.connection()), error)
    found = _named(_kind_of_other(error), error, code)
    return replace(found, detail=_detail(f"{sentence} ({found.detail})"))


def _smtp(kind: MailFault, code: int, text: str) -> DeliveryFault:
    status = ENHANCED_STATUS.search(text)
    words = [f"SMTP {code}", status.group(1) if status else ""]
    answer = f"{code} {text}"
    if kind == CONFIGURATION:
        answer = f"{mail_connection.place(mail_connection.connection())}: {answer}"
    return DeliveryFault(kind, " ".join(filter(None, words))[:CODE_LENGTH], _detail(answer))


def _named(kind: MailFault, error: Exception, code: str) -> DeliveryFault:
    return DeliveryFault(kind, code[:CODE_LENGTH], _detail(f"{type(error).__name__}: {error}"))


def _detail(words: str) -> str:
    """Without what looks like a file: some providers send back what they were sent."""
    return ENCODED.sub("…", storable_text(words))[:DETAIL_LENGTH]


def _text(answer: bytes | str) -> str:
    text = answer.decode("utf-8", errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())
