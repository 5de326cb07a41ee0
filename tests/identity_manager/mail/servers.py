"""Mail servers of this machine that answer as they are told: SMTP, and the API of a provider."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.ca_bridge.outgoing_servers import listening
from tests.tools.http_server import Handler, serving
from tests.tools.running import free_port

TAKEN = "250 OK"


class Answers:
    """Answers each command as told, and keeps what it took."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.taken: list[bytes] = []

    async def handle_EHLO(  # noqa: N802 aiosmtpd's name
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [self.answers["helo"]] if "helo" in self.answers else responses

    async def handle_MAIL(  # noqa: N802 aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("mail", TAKEN)

    async def handle_RCPT(  # noqa: N802 aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", TAKEN)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
        if "data" not in self.answers:
            self.taken.append(envelope.content)
        return self.answers.get("data", TAKEN)


@contextmanager
def smtp_server(*, wants_sign_in: bool = False, **answers: str) -> Iterator[tuple[int, Answers]]:
    """An SMTP server; yields its port and what it took."""
    handler = Answers(**answers)
    options: dict[str, Any] = {}
    if wants_sign_in:
        options = {
            "auth_required": True,
            "auth_require_tls": False,
            "authenticator": lambda *_: AuthResult(success=False, handled=False),
        }
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port, handler
    finally:
        controller.stop()


def greeting_server(greeting: bytes) -> AbstractContextManager[int]:
    """A server that says one line to whoever comes, and whatever they say."""

    def greet(connection: socket.socket) -> None:
        connection.sendall(greeting)
        connection.settimeout(5)
        while connection.recv(1024):
            connection.sendall(greeting)

    return listening(greet)


@contextmanager
def provider_api(status: int, answer: object) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The API of a provider that always answers so; yields its address and what was posted to it."""
    posted: list[dict[str, Any]] = []

    def take(_headers: Message, content: dict[str, Any]) -> tuple[int, object]:
        posted.append(content)
        return status, answer

    with provider(take) as url:
        yield url, posted


@contextmanager
def provider(take: Callable[[Message, dict[str, Any]], tuple[int, object]]) -> Iterator[str]:
    """An API that answers what take() says to the headers and content of a request; yields its address."""

    class Api(Handler):
        protocol_version = "HTTP/1.1"
        server_version = "provider"

        def do_POST(self) -> None:
            status, said = take(self.headers, json.loads(self.body()))
            self.answer(status, said, Content_Type="application/json")

    with serving(Api) as port:
        yield f"http://127.0.0.1:{port}/"
