"""Idempotency keys of mail providers: a retried mail is sent at most once.

SMTP receivers and mailboxes deduplicate by Message-ID. Providers assign their own ids; two that
django-anymail supports accept an idempotency key: Resend for 24 hours
(https://resend.com/docs/dashboard/emails/idempotency-keys), Brevo for half an hour
(https://developers.brevo.com/docs/heterogenous-versions-batch-emails). A dead worker is replaced after
LEASE_SECONDS, well within both. The others have none, or (Unisender Go) keep it for less than a minute.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from anymail.exceptions import AnymailAPIError
from django.core.mail import EmailMessage

from identity_manager import mail_connection

RESEND, BREVO = "Resend", "Brevo"  # esp_name of the anymail backends


@contextmanager
def with_idempotency_key(message: EmailMessage, *, key: uuid.UUID) -> Iterator[None]:
    """Send the messages of this block with the provider's idempotency key, if it has one."""
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
    """Whether the provider refuses a key because it has sent that mail before (Brevo; Resend accepts it)."""
    if not isinstance(error, AnymailAPIError) or error.esp_name != BREVO or error.status_code != 400:
        return False
    try:
        answer = error.response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("code") == "duplicate_parameter"
