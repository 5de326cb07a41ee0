"""Hands lines to a syslog: of this machine by its socket, of another one by UDP or TCP.

By TCP (RFC 6587) a lost line is noticed and sent again; by UDP (RFC 5426) only where the other machine says
that nobody listens. On the network a line has the form of RFC 5424; at this machine's socket a tag is enough,
and every receiver there knows it.
"""

import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

PORT = 514
PRIORITY = 4 * 8 + 6  # facility auth, severity informational (RFC 5424 6.2.1)
NAME = "identity-manager-audit"
KIND = "audit-head"
PATIENCE = 10.0  # seconds for the other machine to answer
ECHO = 0.2  # seconds in which "nobody listens" comes back, if it does


class NoAddressError(ValueError):
    """That is no address of a syslog; the text says what one looks like."""


def address(target: str) -> str | tuple[str, int]:
    """The path of a socket, or host and port. Raises NoAddressError."""
    if target.startswith("/") and not target.startswith("//"):
        return target
    try:
        parts = urlsplit(f"//{target.removeprefix('//')}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise NoAddressError(f"{target} is no host with a port.") from error
    if not host or parts.path or parts.query or parts.username is not None:
        raise NoAddressError(f"{target} is no host with a port.")
    return host, port or PORT


def send(target: str, lines: Sequence[str], *, tcp: bool = False) -> None:
    """Raises OSError where it is known that a line was not taken, NoAddressError for what is no address."""
    place = address(target)
    if isinstance(place, str):
        _to_this_machine(place, lines)
    elif tcp:
        _by_tcp(place, lines)
    else:
        _by_udp(place, lines)


def _to_this_machine(path: str, lines: Sequence[str]) -> None:
    """Datagrams, or a stream, in which a NUL ends each line as with the C library."""
    messages = [f"<{PRIORITY}>{NAME}: {line}".encode() for line in lines]
    try:
        _into(path, socket.SOCK_DGRAM, messages)
    except OSError:
        _into(path, socket.SOCK_STREAM, [message + b"\0" for message in messages])


def _into(path: str, kind: socket.SocketKind, messages: Sequence[bytes]) -> None:
    with socket.socket(socket.AF_UNIX, kind) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        for message in messages:
            connection.sendall(message)


def _by_udp(place: tuple[str, int], lines: Sequence[str]) -> None:
    """The socket is connected, so that the refusal of a line is told."""
    family, kind, protocol, _name, where = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as connection:
        connection.connect(where)
        for line in lines:
            connection.send(_message(line))
        connection.settimeout(ECHO)
        try:
            connection.recv(1)
        except TimeoutError:
            return


def _by_tcp(place: tuple[str, int], lines: Sequence[str]) -> None:
    """Each line with its length before it (RFC 6587 3.4.1); its end is waited for, or a refusal."""
    with socket.create_connection(place, timeout=PATIENCE) as connection:
        for line in lines:
            message = _message(line)
            connection.sendall(b"%d %s" % (len(message), message))
        connection.shutdown(socket.SHUT_WR)
        try:
            connection.recv(1)
        except TimeoutError:
            return  # it keeps the connection open, and has acknowledged what it got


def _message(line: str) -> bytes:
    """RFC 5424 6, without structured data."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host = socket.gethostname().encode("ascii", "replace").decode() or "-"
    return f"<{PRIORITY}>1 {moment} {host} {NAME} {os.getpid()} {KIND} - {line}".encode()
