"""A scripted IMAP4rev1 server on the loopback, over TLS, with one folder."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler

from tests.tools.http_server import serving

COMMAND = re.compile(rb"(\S+) (?:UID )?(\w+) ?(.*)", re.DOTALL)
PARTIAL = re.compile(rb"BODY\.PEEK\[\]<0\.(\d+)>")


@dataclass
class Folder:
    """What the server has. commands: what it was asked; fails: a command that it refuses."""

    user: str = "reports"
    password: str = "a mailbox password"
    messages: dict[int, bytes] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    fails: str = ""
    port: int = 0

    def put(self, octets: bytes) -> int:
        uid = max(self.messages, default=0) + 1
        self.messages[uid], self.flags[uid] = octets, set()
        return uid


class Handler(StreamRequestHandler):
    folder: Folder

    def handle(self) -> None:
        self.wfile.write(b"* OK IMAP4rev1 ready\r\n")
        while line := self.rfile.readline(10_000):
            match = COMMAND.fullmatch(line.strip())
            if match is None:
                return
            tag, name, rest = match[1], match[2].decode().upper(), match[3]
            self.folder.commands.append(name)
            if name == self.folder.fails:
                self._say(tag + b" NO not now")
            elif name == "LOGOUT":
                return
            else:
                self._answer(tag, name, rest)

    def _answer(self, tag: bytes, name: str, rest: bytes) -> None:
        answer = getattr(self, f"_{name.lower()}", None)
        refused = answer(rest) if answer else None
        self._say(tag + (refused or b" OK done"))

    def _capability(self, _rest: bytes) -> None:
        self._say(b"* CAPABILITY IMAP4rev1")

    def _login(self, rest: bytes) -> bytes | None:
        right = rest.decode() == f'{self.folder.user} "{self.folder.password}"'
        return None if right else b" NO wrong: " + rest  # some servers repeat what they got

    def _select(self, _rest: bytes) -> None:
        self._say(b"* %d EXISTS" % len(self.folder.messages))

    def _search(self, _rest: bytes) -> None:
        unread = [b"%d" % uid for uid in self.folder.messages if not self.folder.flags[uid]]
        self._say(b"* SEARCH " + b" ".join(unread))

    def _fetch(self, rest: bytes) -> None:
        uid, limit = int(rest.split()[0]), PARTIAL.search(rest)
        octets = self.folder.messages[uid][: int(limit[1]) if limit else None]
        self._say(b"* 1 FETCH (UID %d BODY[]<0> {%d}" % (uid, len(octets)))
        self.wfile.write(octets + b")\r\n")

    def _store(self, rest: bytes) -> None:
        self.folder.flags[int(rest.split()[0])] |= set(re.findall(r"\\(\w+)", rest.decode()))

    def _expunge(self, _rest: bytes) -> None:
        for uid in [uid for uid, flags in self.folder.flags.items() if "Deleted" in flags]:
            del self.folder.messages[uid], self.folder.flags[uid]

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@contextmanager
def imap_server(context: ssl.SSLContext) -> Iterator[Folder]:
    """A server with an empty folder; its certificate is that of the context."""
    folder = Folder()
    with serving(Handler, tls=context, folder=folder) as folder.port:
        yield folder
