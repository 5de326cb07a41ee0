"""File mailbox of the embedded mode: messages are files, shown at /mailbox/ instead of being sent."""

import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage as ParsedMessage
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class MailboxBackend(BaseEmailBackend):
    """Writes each message atomically as one .eml file."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        directory = Path(settings.MAILBOX_DIR)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}.eml"
            unfinished = directory / f"{name}.part"
            unfinished.write_bytes(message.message().as_bytes())
            os.replace(unfinished, directory / name)  # noqa: PTH105 atomic on every system
        return len(email_messages)


@dataclass(frozen=True)
class StoredMessage:
    """A parsed message of the mailbox, with its file name."""

    name: str
    received_at: datetime
    message: ParsedMessage

    @property
    def recipients(self) -> list[str]:
        return [address for _name, address in getaddresses([str(self.message.get("To", ""))])]

    @property
    def language(self) -> str:
        """Content-Language of the message; empty where it has none."""
        return str(self.message.get("Content-Language", ""))

    def body(self, kind: str) -> str:
        """The text ("plain") or HTML ("html") part."""
        part = self.message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""

    def attachments(self) -> list[tuple[str, str, bytes]]:
        """File name, media type and content of each attachment."""
        return [
            (
                part.get_filename() or "attachment",
                part.get_content_type(),
                _decoded(part),
            )
            for part in self.message.iter_attachments()
            if "Content-ID" not in part  # the logo, which the HTML shows
        ]


def _decoded(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def stored_messages() -> Iterator[StoredMessage]:
    """All messages, newest first."""
    directory = Path(settings.MAILBOX_DIR)
    for path in sorted(directory.glob("*.eml"), reverse=True):
        yield _parse(path)


def stored_message(name: str) -> StoredMessage | None:
    """The message of that file name; None for an unknown or malformed name."""
    path = Path(settings.MAILBOX_DIR) / name
    is_there = os.path.isfile(path)  # noqa: PTH113 Path.is_file raises for a name that is too long
    if path.name != name or path.suffix != ".eml" or not is_there:
        return None
    return _parse(path)


def _parse(path: Path) -> StoredMessage:
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    received = datetime.strptime(path.name[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return StoredMessage(name=path.name, received_at=received, message=message)
