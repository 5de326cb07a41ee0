"""Mails as the product sends them, to a mail server of the test."""

from pathlib import Path

from pytest_django import Settings

from identity_manager.mail import sending
from identity_manager.models import OutgoingMail
from tests.interop.smtp_sink import smtp_sink

SMTP = "django.core.mail.backends.smtp.EmailBackend"


def use_smtp(settings: Settings, port: int, *, host: str = "127.0.0.1") -> None:
    """Send to this server, without TLS, with little patience."""
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, host, port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 5


def on_the_wire(settings: Settings, directory: Path, mails: list[OutgoingMail]) -> list[bytes]:
    """What a server gets that understands no 8-bit text: every one of the mails, in their order."""
    messages = []
    with smtp_sink(directory, "-8") as sink:
        use_smtp(settings, sink.port)
        for mail in mails:
            before = set(sink.taken())
            sending.send(mail)
            (message,) = set(sink.taken()) - before
            messages.append(message)
    return messages
