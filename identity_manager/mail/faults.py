"""Delivery faults: transient, configuration, or refusal of this mail, by SMTP and HTTP status.

Faults of the configuration (wrong password, unknown sender, certificate that does not verify) are retried
like transient ones, because every mail would fail; they are reported to operators. Sources: RFC 5321 4.2.1
(4yz transient, 5yz permanent), RFC 3463 (enhanced status codes), RFC 4954 6 (530, 534, 535, 538:
authentication), RFC 9110 status codes, anymail.exceptions.
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

# Exceptions of the transport; any other one is a bug of ours.
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
# RFC 4954 6: authentication required or insufficient, for every recipient.
AUTHENTICATION_CODES = (530, 534, 535, 538)
TOO_LARGE = 552  # at MAIL FROM: the size of this message (RFC 1870 6.1), not a fault of the sender
# 401, 403: API key; 402: payment; 404: URL of the API, or sending domain.
CONFIGURATION_STATUS = (401, 402, 403, 404)
# 409: Resend, while it processes the same mail, or after another text with the same key within 24 hours.
PASSING_STATUS = (408, 409, 425, 429)
PASSING, CONFIGURATION, REFUSED = MailFault.PASSING, MailFault.CONFIGURATION, MailFault.REFUSED


@dataclass(frozen=True)
class DeliveryFault:
    """A classified fault. kind: who has to act. code: equal for mails with the same problem.

    detail: for operators, and holds nothing of the mail except what the server quoted in its reply.
    """

    kind: MailFault
    code: str
    detail: str


def fault_of(error: Exception) -> DeliveryFault:
    """Classify an exception of ERRORS."""
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
    """Classify replies, one per recipient; the mildest counts, because a retry may then succeed."""
    code, text = min(answers, key=lambda answer: answer[0])
    return _smtp(_kind_of_code(code, _text(text)), code, _text(text))


def _kind_of_answer(error: smtplib.SMTPResponseException) -> MailFault:
    """Kind of a reply to a command other than RCPT; it depends on the command."""
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
    """Kind of an exception without a reply: connection, or a message that cannot be serialised."""
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
            # A malformed API address is a ValueError too.
            return CONFIGURATION if isinstance(error, ValueError) else PASSING
        case ValueError() | TypeError():
            return REFUSED
    return PASSING


def _of_connection(error: Exception, code: str) -> DeliveryFault:
    """The fault of a failed connection: host, cause, and the library's own text."""
    with override(None):  # the words of the source
        sentence = faults.sentence(mail_connection.place(mail_connection.connection()), error)
    found = _named(_kind_of_other(error), error, code)
    return replace(found, detail=detail(f"{sentence} ({found.detail})"))


def _smtp(kind: MailFault, code: int, text: str) -> DeliveryFault:
    status = ENHANCED_STATUS.search(text)
    words = [f"SMTP {code}", status.group(1) if status else ""]
    answer = f"{code} {text}"
    if kind == CONFIGURATION:
        answer = f"{mail_connection.place(mail_connection.connection())}: {answer}"
    return DeliveryFault(kind, " ".join(filter(None, words))[:CODE_LENGTH], detail(answer))


def _named(kind: MailFault, error: Exception, code: str) -> DeliveryFault:
    return DeliveryFault(kind, code[:CODE_LENGTH], detail(f"{type(error).__name__}: {error}"))


def detail(words: str) -> str:
    """The text without long base64-like runs: some providers echo the request with its attachments."""
    return ENCODED.sub("…", storable_text(words))[:DETAIL_LENGTH]


def _text(answer: bytes | str) -> str:
    text = answer.decode("utf-8", errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())
