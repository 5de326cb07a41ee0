"""Syslog client: local socket, or remote by UDP or TCP.

TCP (RFC 6587) notices lost lines, which are sent again; UDP (RFC 5426) only an ICMP "port unreachable".
Remote lines have the format of RFC 5424; local ones a tag, which every local receiver knows.
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
PATIENCE = 10.0  # seconds, time-out of the remote machine
ECHO = 0.2  # seconds to wait for ICMP "port unreachable"


class NoAddressError(ValueError):
    """Malformed syslog address; the text shows the format."""


def address(target: str) -> str | tuple[str, int]:
    """Socket path, or host and port. Raises NoAddressError."""
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
    """Send lines. Raises OSError where a line is known to be lost, NoAddressError for a malformed address."""
    place = address(target)
    if isinstance(place, str):
        _to_this_machine(place, lines)
    elif tcp:
        _by_tcp(place, lines)
    else:
        _by_udp(place, lines)


def _to_this_machine(path: str, lines: Sequence[str]) -> None:
    """Datagram socket, or stream socket with NUL after each line, as the C library does."""
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
    """Uses a connected socket, so that ICMP errors are reported."""
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
    """Octet counting (RFC 6587 3.4.1); then waits for the peer to close, or for a reset."""
    with socket.create_connection(place, timeout=PATIENCE) as connection:
        for line in lines:
            message = _message(line)
            connection.sendall(b"%d %s" % (len(message), message))
        connection.shutdown(socket.SHUT_WR)
        try:
            connection.recv(1)
        except TimeoutError:
            return  # the peer keeps the connection open and has acknowledged the data


def _message(line: str) -> bytes:
    """RFC 5424 6, without structured data."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host = socket.gethostname().encode("ascii", "replace").decode() or "-"
    return f"<{PRIORITY}>1 {moment} {host} {NAME} {os.getpid()} {KIND} - {line}".encode()
