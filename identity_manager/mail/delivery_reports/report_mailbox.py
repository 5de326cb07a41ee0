"""The mailbox of delivery reports: read by IMAP4rev1 (RFC 3501) over TLS with a verified certificate."""

import imaplib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings

from ca_bridge import outgoing
from identity_manager.mail.delivery_reports.parsing import LARGEST

SECONDS = 20  # time-out of each answer
AT_ONCE = 200  # messages of one run
NUMBER = re.compile(rb"\d{1,10}")


class MailboxError(Exception):
    """The mailbox cannot be read; the words are for operators, and hold no password."""


class Mailbox:
    """An open folder of messages."""

    def __init__(self, server: imaplib.IMAP4) -> None:
        self._server = server

    def unread(self) -> list[str]:
        """Unique ids of messages that nobody has read, the oldest first; at most AT_ONCE."""
        found = self._server.uid("SEARCH", "UNSEEN", "UNDELETED")[1]
        return [each.decode() for each in NUMBER.findall(found[0] or b"")][:AT_ONCE]

    def octets(self, uid: str) -> bytes:
        """The beginning of a message, which stays unread (BODY.PEEK, RFC 3501 6.4.5)."""
        answer = self._server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{LARGEST}>)")[1]
        return next((each[1] for each in answer if isinstance(each, tuple)), b"")

    def mark(self, uid: str, *, delete: bool) -> None:
        """Mark a message as read, or for deletion: one about our mail may contain its attachments."""
        self._server.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen \Deleted)" if delete else r"(\Seen)")

    def expunge(self) -> None:
        """Remove what is marked as deleted."""
        self._server.expunge()


@contextmanager
def opened() -> Iterator[Mailbox]:
    """Sign in and open the folder. Raises MailboxError."""
    try:
        server = _connected()
        try:
            _expect(server.login(settings.REPORT_MAILBOX_USER, settings.REPORT_MAILBOX_PASSWORD))
            _expect(server.select(_quoted(settings.REPORT_MAILBOX_FOLDER)))
            yield Mailbox(server)
        finally:
            server.shutdown()
    except (imaplib.IMAP4.error, OSError, UnicodeError) as error:
        words = str(error).replace(settings.REPORT_MAILBOX_PASSWORD or "\x00", "…")
        raise MailboxError(f"{settings.REPORT_MAILBOX_HOST}: {type(error).__name__}: {words}"[:300]) from None


def _connected() -> imaplib.IMAP4:
    host, port = settings.REPORT_MAILBOX_HOST, settings.REPORT_MAILBOX_PORT
    if settings.REPORT_MAILBOX_SECURITY == "tls":
        return imaplib.IMAP4_SSL(host, port, ssl_context=outgoing.context(), timeout=SECONDS)
    server = imaplib.IMAP4(host, port, timeout=SECONDS)
    server.starttls(outgoing.context())
    return server


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _expect(answer: tuple[str, Sequence[bytes | None]]) -> None:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(b" ".join(each or b"" for each in answer[1]).decode("utf-8", "replace"))
