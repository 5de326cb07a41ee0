"""Every sealed audit event reaches the SIEM at least once, in order, whatever becomes of its host."""

import json
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from identity_manager import audit, queue, task_names
from identity_manager.audit import sealing
from identity_manager.config.siem_sinks import sinks
from identity_manager.events import forwarding, log_lines, siem_connection
from identity_manager.events.siem_configuration import parse
from identity_manager.management.doctor import other_systems
from identity_manager.models import AuditEvent, PersonState, Role, SiemSink
from identity_manager.tasks import forward_audit_log, seal_audit_log
from identity_manager.transactions.refusals import Refused
from tests.identity_manager.events.conftest import Logged
from tests.interop.tls_certificates import Authority, certified, server_context
from tests.tools import cast
from tests.tools.rsyslog import Rsyslog

NEEDS_RSYSLOG = pytest.mark.needs_program("rsyslogd")
pytestmark = [pytest.mark.django_db, pytest.mark.long]


def forward() -> SiemSink:
    """What the workers do by and by."""
    forwarding.wake()
    row = SiemSink.objects.get(name="main")
    forwarding.forward(sink_id=row.pk)
    row.refresh_from_db()
    return row


def numbers(host: Rsyslog) -> list[int]:
    return [json.loads(each["msg"])["number"] for each in host.received()]


@NEEDS_RSYSLOG
def test_a_log_host_gets_every_event_once_with_number_and_proof(logged: Logged, log_host: Rsyslog) -> None:
    logged(forwarding.BATCH + 1)

    row = forward()

    assert (row.number, row.last_error, row.next_attempt_at) == (forwarding.BATCH + 1, "", None)
    assert numbers(log_host) == list(range(1, row.number + 1))
    first, event = log_host.received()[0], AuditEvent.objects.get(number=1)
    assert (first["msgid"], first["priority"]) == ("request.approved", "110")
    assert first["sd"] == f'[audit@32473 seq="1" mac="{event.mac}"]'
    assert json.loads(first["msg"]).items() >= {"chain": event.chain, **event.content}.items()
    forward()
    assert len(numbers(log_host)) == row.number


def hurt_and_watch(log_host: Rsyslog, total: int, *, within: float) -> list[int]:
    """Stop and kill the host while it reads; return the numbers that it has at the end.

    within: seconds after which the cursor has to be at the end.
    """
    until = time.monotonic() + within
    ended = threading.Event()

    def hurt() -> None:
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            have = len(log_host.received())
            while not ended.is_set() and len(log_host.received()) < have + total // 10:
                ended.wait(0.01)
            log_host.end(number)
            log_host.start()

    thread = threading.Thread(target=hurt)
    thread.start()
    try:
        while True:
            row = forward()
            if row.number == total:
                break
            assert time.monotonic() < until, f"number {row.number} after {within} s: {row.last_error}"
            SiemSink.objects.update(next_attempt_at=timezone.now())
    finally:
        ended.set()
        thread.join()
    log_host.end()  # writes what it has in memory
    return numbers(log_host)


@NEEDS_RSYSLOG
def test_none_of_two_thousand_is_lost_while_the_host_is_stopped_and_killed(
    logged: Logged, log_host: Rsyslog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "BATCH", 50)
    logged(2000)
    assert set(range(1, 2001)) <= set(hurt_and_watch(log_host, 2000, within=60))


@NEEDS_RSYSLOG
@pytest.mark.nightly
def test_none_of_twenty_thousand_is_lost(logged: Logged, log_host: Rsyslog) -> None:
    logged(20_000)
    assert set(range(1, 20_001)) <= set(hurt_and_watch(log_host, 20_000, within=300))


def _everything(connection: ssl.SSLSocket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def receiver(folder: Path, *, confirms: bool = True) -> Iterator[tuple[int, list[bytes]]]:
    """A TLS server that reads to the end; confirms: whether it answers close_notify."""
    context, got = server_context(certified(folder, "127.0.0.1")), []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                plain, _peer = listener.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
                got.append(_everything(connection))
                if confirms:
                    connection.unwrap()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], got
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_json_lines_in_ascii_without_a_mark(logged: Logged, settings: Settings, tmp_path: Path) -> None:
    uma = cast.person("uma")
    audit.record(audit.Event.REQUEST_REJECTED, actor=uma, subject=None, reason="Gehört Jörg")
    logged(1)
    with receiver(tmp_path) as (port, got):
        given = {"address": f"127.0.0.1:{port}", "format": "json", "ca_file": str(tmp_path / "trusted.pem")}
        settings.SIEM_SINKS = sinks({"main": given})
        assert forward().number == 2
        assert all(byte < 128 for byte in got[0])
        lines = [json.loads(line) for line in got[0].splitlines()]
        assert [line["number"] for line in lines] == [1, 2]
        assert "Jörg" not in str(lines)
        assert str(uma.pk) not in str(lines)

        settings.SIEM_SINKS = sinks({"main": {**given, "personal_facts": True}})
        forwarding.resend(actor=None, name="main", number=1)
        forward()
        line = json.loads(got[1].splitlines()[0])
    assert line["personal_facts"] == {"reason": "Gehört Jörg"}
    assert (line["actor_id"], line["actor_name"]) == (str(uma.pk), str(uma))


def test_what_was_not_confirmed_is_sent_again(logged: Logged, settings: Settings, tmp_path: Path) -> None:
    logged(3)
    with receiver(tmp_path, confirms=False) as (port, got):
        given = {"address": f"127.0.0.1:{port}", "ca_file": str(tmp_path / "trusted.pem")}
        settings.SIEM_SINKS = sinks({"main": given})
        row = forward()
        assert (row.number, row.confirmed_at) == (0, None)
        assert row.last_error
        assert row.next_attempt_at is not None
        assert row.next_attempt_at > timezone.now()
        assert [finding.level for finding in other_systems.siem()] == ["warning"]
        with time_machine.travel(row.next_attempt_at):
            forward()
        assert len(got) == 2
        assert got[0].partition(b'"number":1,')[1] == got[1].partition(b'"number":1,')[1] != b""


@pytest.mark.parametrize("fault", ["nobody listens", "another authority", "another name"])
def test_nothing_is_sent_to_who_is_not_the_siem(
    logged: Logged, settings: Settings, tmp_path: Path, fault: str
) -> None:
    logged(1)
    with receiver(tmp_path) as (port, got):
        if fault == "another authority":
            Authority.make("Others").bundle(tmp_path)
        host = "localhost" if fault == "another name" else "127.0.0.1"
        given = {"address": f"{host}:{port}", "ca_file": str(tmp_path / "trusted.pem")}
        if fault == "nobody listens":
            given["address"] = "127.0.0.1:1"
        settings.SIEM_SINKS = sinks({"main": given})
        row = forward()
    assert row.number == 0
    assert row.last_error
    assert b"".join(got) == b""


@NEEDS_RSYSLOG
def test_a_client_without_a_certificate(logged: Logged, settings: Settings, log_host: Rsyslog) -> None:
    logged(1)
    settings.SIEM_SINKS = {"main": replace(settings.SIEM_SINKS["main"], certificate_file="", key_file="")}
    row = forward()
    assert row.number == 0
    assert row.last_error
    assert log_host.received() == []


@NEEDS_RSYSLOG
def test_a_host_that_refuses_us_late_confirms_nothing(
    logged: Logged, settings: Settings, log_host: Rsyslog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its close_notify comes after ours, with what we sent unread."""
    logged(1)
    monkeypatch.setattr(siem_connection, "_refuse_early_end", lambda *_args: None)
    settings.SIEM_SINKS = {"main": replace(settings.SIEM_SINKS["main"], certificate_file="", key_file="")}
    row = forward()
    assert row.number == 0
    assert row.last_error


def test_who_outlived_the_lease_moves_nothing(
    logged: Logged, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    successor = uuid4()
    settings.SIEM_SINKS = sinks({"main": {"address": "siem.example"}})
    monkeypatch.setattr(
        siem_connection, "send", lambda *_args: SiemSink.objects.update(claim_id=successor, number=0)
    )
    logged(1)
    row = forward()
    assert (row.claim_id, row.number, row.confirmed_at) == (successor, 0, None)


def test_sealing_wakes_the_sink_and_a_sink_of_the_past_rests(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    monkeypatch.setattr(siem_connection, "send", lambda _sink, messages: sent.extend(messages))
    settings.SIEM_SINKS = sinks({"main": {"address": "siem.example"}})
    audit.record(audit.Event.JOB_STARTED, actor=None, subject=None, job="queue.sweep")
    published: list[tuple[str, UUID]] = []
    monkeypatch.setattr(queue, "after_commit", lambda *message: published.append(message))
    seal_audit_log()
    assert published == [(task_names.FORWARD_LOG, SiemSink.objects.get().pk)]
    forward_audit_log(str(published[0][1]))
    assert len(sent) == 1

    row = SiemSink.objects.get()
    settings.SIEM_SINKS = {}
    row.work_is_due(timezone.now())
    row.save()
    forwarding.forward(sink_id=row.pk)
    assert SiemSink.objects.get().next_attempt_at is None


def test_a_cursor_beyond_the_end_is_set_back(
    logged: Logged, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SQL alone nobody keeps events from the SIEM."""
    settings.SIEM_SINKS = sinks({"main": {"address": "siem.example"}})
    sent: list[bytes] = []
    monkeypatch.setattr(siem_connection, "send", lambda _sink, messages: sent.extend(messages))
    SiemSink.objects.create(name="main", number=10**9)
    logged(2)
    assert forward().number == 2
    logged(1)
    assert forward().number == 3
    assert len(sent) == 1


def test_send_again_from_a_number_on(
    logged: Logged, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIEM_SINKS = sinks({"main": {"address": "siem.example"}})
    monkeypatch.setattr(siem_connection, "send", lambda _sink, messages: list(messages))
    logged(5)
    forward()
    for number in (0, 6, -1):
        with pytest.raises(CommandError, match="Enter the number"):
            call_command("siem", "resend", "main", "--from", str(number), stdout=StringIO())
    with pytest.raises(CommandError, match="no SIEM sink"):
        call_command("siem", "resend", "other", "--from", "1", stdout=StringIO())
    out = StringIO()
    call_command("siem", "resend", "main", "--from", "2", stdout=out)
    assert "4 events are sent to main again" in out.getvalue()
    assert SiemSink.objects.get().number == 1
    event = AuditEvent.objects.get(name=audit.Event.SIEM_RESENT)
    assert event.facts == {"sink": "main", "first": 2}
    sealing.seal()
    assert forward().number == 6
    out = StringIO()
    call_command("siem", "status", stdout=out)
    assert "confirmed up to #6, 0 behind" in out.getvalue()


def test_a_batch_on_its_way_does_not_undo_sending_again(
    logged: Logged, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SIEM_SINKS = sinks({"main": {"address": "siem.example"}})
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    monkeypatch.setattr(forwarding, "BATCH", 2)
    logged(4)
    calls: list[int] = []

    def send(_sink: object, messages: Iterator[bytes]) -> None:
        calls.append(len(list(messages)))
        if len(calls) == 2:
            forwarding.resend(actor=sven, name="main", number=1)

    monkeypatch.setattr(siem_connection, "send", send)
    row = forward()
    assert (row.number, row.claim_id) == (0, None)
    assert forward().number == 4


@pytest.mark.parametrize("name", ["rita", "uma"])
def test_nobody_else_has_it_sent_again(name: str, settings: Settings) -> None:
    settings.SIEM_SINKS = sinks({"main": {"address": "siem.example"}})
    with pytest.raises(Refused) as refused:
        forwarding.resend(actor=cast.person(name), name="main", number=1)
    assert refused.value.reason is forwarding.NOT_ADMINISTRATOR


@pytest.mark.parametrize("state", [PersonState.INACTIVE, PersonState.LOCKED])
def test_an_administrator_who_is_not_active_does_not_have_it_sent_again(
    state: PersonState, settings: Settings
) -> None:
    settings.SIEM_SINKS = sinks({"main": {"address": "siem.example"}})
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,), state=state)
    with pytest.raises(Refused) as refused:
        forwarding.resend(actor=sven, name="main", number=1)
    assert refused.value.reason is forwarding.NOT_ADMINISTRATOR
    assert not SiemSink.objects.exists()


@pytest.mark.parametrize(
    "given",
    [
        "siem.example",
        {},
        {"address": "siem.example:port"},
        {"address": "https://siem.example"},
        {"address": "user@siem.example"},
        {"address": "siem.example", "format": "cef"},
        {"address": "siem.example", "certificate_file": "/a"},
        {"address": "siem.example", "ca_file": 1},
        {"address": "siem.example", "ca_file": "/nowhere"},
        {"address": "siem.example", "personal_facts": "no"},
        {"address": "siem.example", "enterprise_number": "7"},
        {"address": "siem.example", "enterprise_number": True},
        {"address": "siem.example", "verify": False},
    ],
)
def test_settings_that_do_not_fit_are_refused(given: object) -> None:
    with pytest.raises(ImproperlyConfigured, match="SIEM_SINKS"):
        sinks({"main": given})


@pytest.mark.parametrize("name", ["", "Main", "a b", "ä", "x" * 61])
def test_names_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="lower case"):
        sinks({name: {"address": "siem.example"}})


def test_a_long_message_is_framed_by_its_octets(logged: Logged) -> None:
    logged(1)
    event = AuditEvent.objects.get()
    event.name, event.facts = "x" * 60, {"number": "y" * 60_000}
    framed = log_lines.message(event, parse("main", {"address": "[::1]:6514"}))
    length, _space, line = framed.partition(b" ")
    assert int(length) == len(line) > 60_000
    assert line.split(b" ")[5] == b"x" * 32
