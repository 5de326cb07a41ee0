"""Clients that begin a request and never end it, as one person with one machine can."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

CLIENTS = 40
Connect = Callable[[], socket.socket]


def to(port: int) -> Connect:
    return lambda: socket.create_connection(("127.0.0.1", port), timeout=10)


def by_tls(port: int, host: str) -> Connect:
    """Whose certificate it is does not matter to them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return lambda: context.wrap_socket(to(port)(), server_hostname=host)


@contextmanager
def half_sent(
    connect: Connect, host: str, path: str, *, length: int = 4000, clients: int = CLIENTS
) -> Iterator[None]:
    """So many posts of which half the body is sent, held open."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect()) for _number in range(clients)]
        for each in sockets:
            each.sendall(head.encode() + b"a" * (length // 2))
        yield
