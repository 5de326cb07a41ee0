"""An LDAP server that answers as a test says, message by message (RFC 4511), for what real ones seldom do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler
from typing import IO

from tests.interop.tls_certificates import certified, server_context
from tests.tools.http_server import serving

HOST = "127.0.0.1"
BIND, UNBIND, SEARCH = 0x60, 0x42, 0x63
BIND_RESPONSE, ENTRY, DONE, REFERENCE = 0x61, 0x64, 0x65, 0x73
PAGED = b"1.2.840.113556.1.4.319"


def tlv(tag: int, *parts: bytes) -> bytes:
    """Tag, length and value (X.690)."""
    value = b"".join(parts)
    size = len(value)
    length = bytes([size]) if size < 128 else b"\x84" + size.to_bytes(4, "big")
    return bytes([tag]) + length + value


def text(value: str | bytes) -> bytes:
    return tlv(0x04, value.encode() if isinstance(value, str) else value)


def number(value: int, tag: int = 0x02) -> bytes:
    return tlv(tag, value.to_bytes(max(1, (value.bit_length() + 8) // 8), "big"))


def parts(value: bytes) -> list[tuple[int, bytes]]:
    """The parts of a constructed value."""
    found = []
    while value:
        size, start = value[1], 2
        if size & 0x80:
            start = 2 + (size & 0x7F)
            size = int.from_bytes(value[2:start], "big")
        found.append((value[0], value[start : start + size]))
        value = value[start + size :]
    return found


@dataclass(frozen=True)
class Asked:
    """A search that came in: where, for which attributes, and the cookie of the page."""

    base: str
    attributes: list[str]
    cookie: bytes


@dataclass
class Answer:
    """What comes back: entries by name, references, result code; then the next page, or the line is cut."""

    entries: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)
    code: int = 0
    cookie: bytes | None = b""
    is_cut: bool = False
    is_silent: bool = False


@dataclass
class ScriptedLdap:
    """A server that runs. answer: of each search; bind: code and message of each bind."""

    port: int
    folder: Path
    answer: Callable[[Asked], Answer] = lambda _asked: Answer()
    bind: tuple[int, str] = (0, "")

    def reply(self, operation: int, value: bytes, controls: list[tuple[int, bytes]]) -> list[bytes] | None:
        if operation == BIND:
            return [_result(BIND_RESPONSE, *self.bind)]
        if operation != SEARCH:
            return None
        answer = self.answer(_asked(value, controls))
        if answer.is_silent:
            threading.Event().wait(6)
        sent = [_entry(name, attributes) for name, attributes in answer.entries.items()]
        sent += [tlv(REFERENCE, text(each)) for each in answer.references]
        if answer.is_cut or answer.is_silent:
            return None
        return [*sent, _result(DONE, answer.code, "") + _paged(answer.cookie)]


class _Handler(StreamRequestHandler):
    ldap: ScriptedLdap

    def handle(self) -> None:
        """Answer one client until it goes."""
        with suppress(OSError):
            while message := _message(self.rfile):
                (_, message_id), (operation, value), *controls = parts(parts(message)[0][1])
                reply = self.ldap.reply(operation, value, controls)
                if reply is None:
                    return
                for each in reply:
                    self.wfile.write(tlv(0x30, tlv(0x02, message_id), each))


def _message(stream: IO[bytes]) -> bytes:
    head = stream.read(2)
    if len(head) < 2:
        return b""
    size, more = head[1], b""
    if size & 0x80:
        more = stream.read(size & 0x7F)
        size = int.from_bytes(more, "big")
    return head + more + stream.read(size)


def _asked(value: bytes, controls: list[tuple[int, bytes]]) -> Asked:
    found = parts(value)
    attributes = [each.decode() for _tag, each in parts(found[7][1])]
    cookie = b""
    for _tag, given in controls:
        for _sequence, control in parts(given):
            (_, oid), *rest = parts(control)
            if oid == PAGED:
                ((_, paged),) = parts(rest[-1][1])
                cookie = parts(paged)[1][1]
    return Asked(found[0][1].decode(), attributes, cookie)


def _entry(name: str, attributes: dict[str, list[bytes]]) -> bytes:
    listed = [tlv(0x30, text(key), tlv(0x31, *map(text, values))) for key, values in attributes.items()]
    return tlv(ENTRY, text(name), tlv(0x30, *listed))


def _result(tag: int, code: int, message: str) -> bytes:
    return tlv(tag, number(code, 0x0A), text(""), text(message))


def _paged(cookie: bytes | None) -> bytes:
    if cookie is None:
        return b""
    value = tlv(0x30, number(0), text(cookie))
    return tlv(0xA0, tlv(0x30, text(PAGED), text(value)))


@contextmanager
def running(folder: Path) -> Iterator[ScriptedLdap]:
    """Listen with TLS, until the test ends."""
    found = ScriptedLdap(0, folder)
    with serving(_Handler, tls=server_context(certified(folder, HOST)), ldap=found) as found.port:
        yield found
