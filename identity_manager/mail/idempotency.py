"""One mail stays one, where it is sent again because nobody knows whether it went out.

A mail server and a mailbox have the Message-ID to tell that two are the same. A provider gives mails names of
its own; two of those that django-anymail knows take a key with which it sends at most once:
Resend, for 24 hours (https://resend.com/docs/dashboard/emails/idempotency-keys), and Brevo, for half an hour
(https://developers.brevo.com/docs/heterogenous-versions-batch-emails). A worker that died is replaced after
LEASE_SECONDS, well within both. The others have no such key, or (Unisender Go) forget it within a minute.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from anymail.exceptions import AnymailAPIError
from django.core.mail import EmailMessage

from identity_manager import mail_connection

RESEND, BREVO = "Resend", "Brevo"  # esp_name of anymail's backends


@contextmanager
def with_idempotency_key(message: EmailMessage, *, key: uuid.UUID) -> Iterator[None]:
    """Have the provider told the key while the message is sent within."""
    connection = mail_connection.connection()
    message.connection = connection
    provider = getattr(connection, "esp_name", "")
    if provider == BREVO:
        message.extra_headers["idempotencyKey"] = str(key)
    if provider != RESEND:
        yield
        return
    with connection:
        connection.session.headers["Idempotency-Key"] = str(key)
        yield


def was_taken_before(error: Exception) -> bool:
    """Whether the provider says no because it has sent the mail of that key. (Resend says yes again.)"""
    if not isinstance(error, AnymailAPIError) or error.esp_name != BREVO or error.status_code != 400:
        return False
    try:
        answer = error.response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("code") == "duplicate_parameter"
