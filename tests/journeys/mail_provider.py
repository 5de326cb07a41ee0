"""An e-mail service provider as Mailgun is: its API takes mails, its webhook tells later what became of them.

Mailgun signs what it tells (HMAC-SHA256 over a time stamp and a token); where a mail is meant is the id that
its API gave.
"""

import hashlib
import hmac
import json
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs

from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from tests.tools.http_server import Handler, serving

BACKEND = "anymail.backends.mailgun.EmailBackend"
ADDRESS = "/webhooks/mail/mailgun/"
WEBHOOK_SECRET = "acme:correct-horse-battery-staple"
SIGNING_KEY = "key-of-the-webhooks"
TOO_LATE = {"code": 550, "message": "5.1.1 The email account that you tried to reach does not exist"}


@dataclass(frozen=True)
class Taken:
    """A mail that the API took: the id that it gave, its files, and its fields where it has no files."""

    id: str
    fields: dict[str, str]
    files: dict[str, bytes]


class Provider:
    """What was handed over, and what is told of it."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []

    def delivery(self) -> Taken:
        """The newest mail with files."""
        return [mail for mail in self.taken if mail.files][-1]

    def bounce(self, mail: Taken, *, signing_key: str = SIGNING_KEY, **changes: Any) -> HttpResponse:
        """Tell that the mail came back, as the provider's documentation has it, and signed as it signs."""
        stamp, token = str(int(time.time())), uuid.uuid4().hex
        signed = hmac.new(signing_key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        event = {
            "id": uuid.uuid4().hex,
            "timestamp": time.time(),
            "event": "failed",
            "severity": "permanent",
            "reason": "bounce",
            "delivery-status": TOO_LATE,
            "message": {"headers": {"message-id": mail.id.strip("<>")}},
            "recipient": "uma@example.com",
        }
        words = {
            "signature": {"timestamp": stamp, "token": token, "signature": signed},
            "event-data": event | changes,
        }
        authorization = "Basic " + b64encode(WEBHOOK_SECRET.encode()).decode()
        return Client(enforce_csrf_checks=True).post(
            ADDRESS, json.dumps(words), "application/json", headers={"authorization": authorization}
        )


@contextmanager
def provider(settings: Settings) -> Iterator[Provider]:
    """The provider's API on this machine, and the settings of an installation that uses it."""
    made = Provider()

    class Api(Handler):
        def do_POST(self) -> None:
            mail = _taken(self.headers["Content-Type"], self.body())
            made.taken.append(mail)
            self.answer(200, {"id": mail.id, "message": "Queued. Thank you."})

    with serving(Api) as port:
        settings.EMAIL_BACKEND = BACKEND
        settings.ANYMAIL = {
            "MAILGUN_API_KEY": "key-of-the-api",
            "MAILGUN_API_URL": f"http://127.0.0.1:{port}/v3",
            "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY,
            "WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        yield made


def _taken(content_type: str, body: bytes) -> Taken:
    """Read the form: multipart where there are files, else as a browser's."""
    fields = {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}
    files: dict[str, bytes] = {}
    form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    for part in form.walk() if form.is_multipart() else ():
        file_name, content = part.get_filename(), part.get_payload(decode=True)
        if file_name and isinstance(content, bytes):
            files[file_name] = content
    return Taken(f"<{uuid.uuid4().hex}@mailgun.example>", {} if files else fields, files)
