"""A webhook reaches no inside address, and no receiver holds a worker up; what is secret stays so."""

import ipaddress
import json
import logging
import socket
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from identity_manager.events import address_guard, webhook_connection, webhook_messages
from identity_manager.events.webhook_connection import Courier
from identity_manager.models import AuditEvent, WebhookFormat
from tests.identity_manager.events.conftest import Logged
from tests.identity_manager.events.webhook_acts import deliver, made
from tests.interop.tls_certificates import Authority
from tests.tools.webhook_receiver import Answering, Receiver

pytestmark = pytest.mark.long

REFUSED = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104 refused
    *("192.0.0.192", "192.88.99.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "203.0.113.1"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2001::1", "5f00::1", "ff02::1", "nonsense"),
)


@pytest.mark.parametrize("address", REFUSED)
def test_inside_addresses_are_refused(address: str) -> None:
    assert address_guard.is_refused(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f::1", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are_not(address: str) -> None:
    assert not address_guard.is_refused(address)


def test_networks_of_the_company_are_allowed(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.0.0.0/8", "fd00::/8"]
    assert not address_guard.is_refused("10.1.2.3")
    assert not address_guard.is_refused("::ffff:10.1.2.3")
    assert not address_guard.is_refused("fd00::7")
    assert address_guard.is_refused("192.168.1.1")


def post(address: str) -> webhook_connection.Answer:
    courier = Courier(address)
    try:
        return courier.post(b"{}", {})
    finally:
        courier.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"])
def test_no_notation_of_loopback_is_reached(settings: Settings, receiver: Receiver, host: str) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    answer = post(f"https://{host}:{receiver.port}/")
    assert answer.error == "The host has an address that no webhook may reach."
    assert receiver.connections == 0


def test_a_name_with_one_inside_address_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: answers)
    assert post("https://rebinding.example/").error == "The host has an address that no webhook may reach."


def test_dns_rebinding_is_of_no_use(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once, and what was looked at is what is connected to."""
    lookups: list[str] = []
    allowed = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]

    def answer_once(host: str, *_args: object, **_options: object) -> object:
        lookups.append(host)
        inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", receiver.port))]
        return allowed if len(lookups) == 1 else inside

    monkeypatch.setattr(socket, "getaddrinfo", answer_once)
    connected: list[object] = []
    connect = socket.socket.connect

    def connect_and_tell(self: socket.socket, where: Any) -> None:
        connected.append(where)
        connect(self, where)

    monkeypatch.setattr(socket.socket, "connect", connect_and_tell)
    answer = post(f"https://rebinding.example:{receiver.port}/")
    assert lookups == ["rebinding.example"]
    assert connected == [("127.0.0.1", receiver.port)]
    assert "certificate" in answer.error, "TLS checks the name of the address, not the number"
    assert receiver.posted == []


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.statuses, receiver.headers = [302], {"Location": f"https://127.0.0.1:{receiver.port}/inside"}
    answer = post(receiver.address)
    assert answer.status == 302
    assert not answer.is_ok
    assert [each.path for each in receiver.posted] == ["/hooks/in"]


def test_another_authority_is_not_believed(settings: Settings, receiver: Receiver, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    settings.WEBHOOK_CA_FILE = str(Authority.make("Others").bundle(other))
    assert "certificate" in post(receiver.address).error
    assert receiver.posted == []


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.address).status == 204


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Headers without end, an octet at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
    while True:
        handler.wfile.write(b"a")
        time.sleep(0.02)


def silence(_handler: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def flood(handler: BaseHTTPRequestHandler) -> None:
    """Ten megabytes."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(10 * 2**20))
    handler.end_headers()
    for _each in range(160):
        handler.wfile.write(b"x" * 65536)


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff nonsense\r\n\r\n")
    handler.close_connection = True


def many_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n")
    handler.close_connection = True


@pytest.mark.parametrize(
    ("answering", "error", "status"),
    [
        (drip, "It took too long.", None),
        (silence, "It took too long.", None),
        (flood, "", 200),
        (nonsense, webhook_connection.BROKE, None),
        (many_headers, webhook_connection.BROKE, None),
    ],
)
def test_no_receiver_holds_a_worker_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answering: Answering, error: str, status: int | None
) -> None:
    monkeypatch.setattr(webhook_connection, "DEADLINE", 0.5)
    receiver.answer = answering
    began = time.monotonic()
    answer = post(receiver.address)
    assert time.monotonic() - began < 2.5
    assert (answer.error, answer.status) == (error, status)


@pytest.mark.django_db
@pytest.mark.parametrize("form", [WebhookFormat.TEAMS, WebhookFormat.SLACK])
def test_addresses_of_teams_and_slack_and_keys_are_nowhere(
    logged: Logged, receiver: Receiver, caplog: pytest.LogCaptureFixture, form: WebhookFormat
) -> None:
    caplog.set_level(logging.DEBUG)
    address = f"https://127.0.0.1:{receiver.port}/services/T0/B0/s3cr3tpart"
    row, _secret = made(address, format=form)
    logged(3)
    receiver.statuses = [500, 302]
    deliver(row)
    row = deliver(row, at=timedelta(minutes=1))
    assert receiver.posted[0].path.endswith("s3cr3tpart")
    assert "webhook-signature" not in receiver.posted[0].headers
    columns = [
        str(value)
        for each in (row, *row.deliveries.all(), *AuditEvent.objects.all())
        for value in vars(each).values()
    ]
    assert not any("s3cr3tpart" in text for text in (*columns, caplog.text))
    assert row.shown_address == f"https://127.0.0.1:{receiver.port}/…"


MESSAGE = {
    "type": "request.rejected",
    "timestamp": "2026-11-29T10:00:00+00:00",
    "data": {
        "id": "1",
        "number": 7,
        "facts": {},
        "actor_name": "Eva <!channel> & [a](b) *c*",
        "personal_facts": {"reason": "<script>"},
    },
}


def test_a_name_calls_nobody_in_slack() -> None:
    text = webhook_messages.body(MESSAGE, form="slack", address="https://hooks.slack.com/services/a").decode()
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; &amp; " in text


def test_a_name_is_no_markdown_in_teams() -> None:
    text = webhook_messages.body(MESSAGE, form="teams", address="https://example.com/").decode()
    assert "[a](b)" not in text
    assert "AdaptiveCard" in text


def test_a_slack_trigger_gets_flat_texts() -> None:
    found = json.loads(
        webhook_messages.body(MESSAGE, form="slack", address="https://hooks.slack.com/triggers/T/1/a")
    )
    assert all(isinstance(value, str) for value in found.values())
    assert found["event"] == "request.rejected"


def test_the_lists_agree_with_python() -> None:
    """What Python calls private is refused, whatever it calls global."""
    for text in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10"):
        network = ipaddress.ip_network(text)
        assert address_guard.is_refused(str(network[1]))
        assert address_guard.is_refused(str(network[-2]))
