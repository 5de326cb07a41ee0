"""A scripted IMAP4rev1 server on the loopback, over TLS, with one folder."""

import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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


class Handler(socketserver.StreamRequestHandler):
    server: "Server"

    def handle(self) -> None:
        self.wfile.write(b"* OK IMAP4rev1 ready\r\n")
        while line := self.rfile.readline(10_000):
            match = COMMAND.fullmatch(line.strip())
            if match is None:
                return
            tag, name, rest = match[1], match[2].decode().upper(), match[3]
            folder = self.server.folder
            folder.commands.append(name)
            if name == folder.fails:
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
        folder = self.server.folder
        right = rest.decode() == f'{folder.user} "{folder.password}"'
        return None if right else b" NO wrong: " + rest  # some servers repeat what they got

    def _select(self, _rest: bytes) -> None:
        self._say(b"* %d EXISTS" % len(self.server.folder.messages))

    def _search(self, _rest: bytes) -> None:
        folder = self.server.folder
        unread = [b"%d" % uid for uid in folder.messages if not folder.flags[uid]]
        self._say(b"* SEARCH " + b" ".join(unread))

    def _fetch(self, rest: bytes) -> None:
        uid, limit = int(rest.split()[0]), PARTIAL.search(rest)
        octets = self.server.folder.messages[uid][: int(limit[1]) if limit else None]
        self._say(b"* 1 FETCH (UID %d BODY[]<0> {%d}" % (uid, len(octets)))
        self.wfile.write(octets + b")\r\n")

    def _store(self, rest: bytes) -> None:
        self.server.folder.flags[int(rest.split()[0])] |= set(re.findall(r"\\(\w+)", rest.decode()))

    def _expunge(self, _rest: bytes) -> None:
        folder = self.server.folder
        for uid in [uid for uid, flags in folder.flags.items() if "Deleted" in flags]:
            del folder.messages[uid], folder.flags[uid]

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Folder, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_args: object) -> None:
        """A client that goes away is no news."""


@contextmanager
def imap_server(context: ssl.SSLContext) -> Iterator[Folder]:
    """A server with an empty folder; its certificate is that of the context."""
    folder = Folder()
    with Server(folder, context) as server:
        folder.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield folder
        finally:
            server.shutdown()
            thread.join()
