"""How somebody else reads our mails: notmuch, whose MIME parser is GMime, the one of GNOME's mail programs.

It was chosen because it shares no line with the package that writes them, decodes RFC 2047 and RFC 2231,
comes with Debian, and gives everything as JSON.
"""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = "notmuch"
# Beside Subject, From, To, Cc, Bcc, Reply-To and Date, which it gives anyway.
MORE_HEADERS = ("Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Precedence", "Sender")
CONFIGURATION = """
[database]
path={mails}
[user]
name=Reader
primary_email=reader@example.com
[new]
tags=
[show]
extra_headers={headers}
"""


@dataclass(frozen=True)
class Attachment:
    """As a mail program offers it."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Read:
    """A mail as its reader sees it."""

    headers: dict[str, str]
    kinds: list[str]
    text: str
    html: str
    attachments: list[Attachment]


class Reader:
    """A mail program with a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._mails = directory / "maildir"
        for name in ("cur", "new", "tmp"):
            (self._mails / name).mkdir(parents=True)
        configuration = directory / "notmuch-config"
        headers = ";".join(MORE_HEADERS)
        configuration.write_text(CONFIGURATION.format(mails=self._mails, headers=headers))
        self._environment = {**os.environ, "NOTMUCH_CONFIG": str(configuration)}

    def read(self, messages: Iterable[bytes]) -> dict[str, Read]:
        """What it makes of the messages, by their Message-ID (without angle brackets)."""
        for number, message in enumerate(messages):
            (self._mails / "cur" / f"{number}:2,").write_bytes(message)
        self._run("new", "--no-hooks")
        found = self._run("show", "--format=json", "--include-html", "--entire-thread=false", "*")
        return {each["id"]: self._read(each) for each in _messages(json.loads(found))}

    def _read(self, message: dict[str, Any]) -> Read:
        parts = list(_parts(message["body"]))
        texts = {part["content-type"]: part.get("content", "") for part in parts if "filename" not in part}
        return Read(
            headers=message["headers"],
            kinds=[part["content-type"] for part in parts],
            text=texts.get("text/plain", ""),
            html=texts.get("text/html", ""),
            attachments=[self._attachment(message["id"], part) for part in parts if "filename" in part],
        )

    def _attachment(self, name: str, part: dict[str, Any]) -> Attachment:
        content = self._run("show", "--format=raw", f"--part={part['id']}", f"id:{name}")
        return Attachment(part["filename"], part["content-type"], content)

    def _run(self, *arguments: str) -> bytes:
        done = subprocess.run(
            [PROGRAM, *arguments], env=self._environment, capture_output=True, check=True, timeout=60
        )
        return done.stdout


def _messages(found: Any) -> Iterator[dict[str, Any]]:
    """A thread is a list of [message, answers], whose answers are such lists again."""
    if isinstance(found, dict):
        yield found
    elif isinstance(found, list):
        for each in found:
            yield from _messages(each)


def _parts(body: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The leaves."""
    for part in body:
        if isinstance(part.get("content"), list):
            yield from _parts(part["content"])
        else:
            yield part
