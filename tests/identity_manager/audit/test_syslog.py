"""Heads go to a syslog, and what a receiver writes down proves the log."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from anymail.exceptions import AnymailAPIError
from django.utils import timezone
from pytest_django import Settings

from identity_manager.audit import head_export, heads, known_heads, sealing, syslog, verification
from identity_manager.models import AuditEvent, AuditHead, AuditHeadExport
from tests.identity_manager.audit.syslog_receivers import Received, datagrams, moment_of, stream
from tests.tools.cast import Company
from tests.tools.running import free_port

Receiver = Callable[[Path], AbstractContextManager[Received]]
RECEIVERS: dict[str, tuple[str, Receiver]] = {
    "UDP": ("syslog:", lambda _directory: datagrams()),
    "TCP": ("syslog+tcp:", lambda _directory: stream()),
    "datagrams of this machine": ("syslog:", lambda directory: datagrams(directory / "log")),
    "a stream of this machine": ("syslog:", lambda directory: stream(directory / "log")),
}
OTHERS_LINES = ["Nov 24 10:00:00 host sshd[1]: Accepted publickey for root\n", "\n"]


@pytest.fixture(params=RECEIVERS)
def receiving(request: pytest.FixtureRequest) -> tuple[str, Receiver]:
    return RECEIVERS[request.param]


def test_every_head_arrives_once(
    settings: Settings, tmp_path: Path, company: Company, head: AuditHead, receiving: tuple[str, Receiver]
) -> None:
    """Two heads in one go; a receiver takes them as lines of their own."""
    settings.AUDIT_HEAD_MINUTES = 0
    company.request_in("declined")
    sealing.seal()
    heads.sign()
    scheme, receiver = receiving
    with receiver(tmp_path) as received:
        settings.AUDIT_HEAD_EXPORT = [f"{scheme}{received.target}"]
        assert head_export.export() == 2
        assert head_export.export() == 0
        lines = received.lines() if len(received.messages) == 2 else wait_for_two(received)

    assert [json.loads(line["text"])["statement"]["number"] for line in lines] == list(
        AuditHead.objects.order_by("number").values_list("number", flat=True)
    )
    for line in lines:
        assert line["priority"] == "38"  # auth, informational
        assert line["app"] == "identity-manager-audit"
        if "moment" in line:
            assert abs(moment_of(line) - datetime.now(UTC)) < timedelta(minutes=1)


def wait_for_two(received: Received) -> list[dict[str, str]]:
    while len(received.lines()) < 2:
        received.came.clear()
    return received.lines()


def test_what_was_received_proves_the_log(
    settings: Settings, tmp_path: Path, head: AuditHead, receiving: tuple[str, Receiver]
) -> None:
    """The receiver's file, with others' lines in it, is what audit verify --heads reads."""
    scheme, receiver = receiving
    with receiver(tmp_path) as received:
        settings.AUDIT_HEAD_EXPORT = [f"{scheme}{received.target}"]
        head_export.export()
        received.lines()
    file = [*OTHERS_LINES, *(f"{message.decode()}\n" for message in received.messages)]
    outside = known_heads.read_heads(file)
    assert [each.number for each in outside] == [head.number]
    assert verification.verify(outside=outside).findings == []

    AuditEvent.objects.filter(number=head.number).delete()
    AuditHead.objects.all().delete()
    assert verification.verify(outside=outside).findings


@pytest.mark.parametrize("scheme", ["syslog:", "syslog+tcp:"])
def test_nobody_listens_so_it_is_sent_later(
    settings: Settings, head: AuditHead, scheme: str, tmp_path: Path
) -> None:
    port = free_port()
    settings.AUDIT_HEAD_EXPORT = [f"{scheme}127.0.0.1:{port}"]
    assert head_export.export() == 0
    row = AuditHeadExport.objects.get()
    assert "refused" in row.last_error
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now()

    with stream() if "tcp" in scheme else datagrams() as received:
        AuditHeadExport.objects.update(destination=f"{scheme}{received.target}")
        settings.AUDIT_HEAD_EXPORT = [f"{scheme}{received.target}"]
        assert head_export.export() == 0, "not before its time"
        with time_machine.travel(row.next_attempt_at):
            assert head_export.export() == 1
        assert len(received.lines()) == 1


def test_who_outlived_the_lease_writes_nothing_down(
    settings: Settings, head: AuditHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    successor = uuid4()

    def slow(*_args: object, **_options: object) -> None:
        AuditHeadExport.objects.update(claim_id=successor)

    monkeypatch.setattr(syslog, "send", slow)
    settings.AUDIT_HEAD_EXPORT = ["syslog:loghost:514"]
    assert head_export.export() == 0
    row = AuditHeadExport.objects.get()
    assert (row.claim_id, row.number, row.exported_at) == (successor, 0, None)


@pytest.mark.parametrize(
    "target", ["/nowhere/log", "loghost.invalid:514", "[::1", "loghost:port", ":514", ""]
)
def test_what_cannot_be_reached_is_said(settings: Settings, head: AuditHead, target: str) -> None:
    settings.AUDIT_HEAD_EXPORT = [f"syslog:{target}"]
    assert head_export.export() == 0
    assert AuditHeadExport.objects.get().last_error


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/dev/log", "/dev/log"),
        ("/run/systemd/journal/syslog", "/run/systemd/journal/syslog"),
        ("loghost", ("loghost", 514)),
        ("loghost:1514", ("loghost", 1514)),
        ("//loghost:1514", ("loghost", 1514)),
        ("[2001:db8::1]:1514", ("2001:db8::1", 1514)),
        ("10.0.0.1", ("10.0.0.1", 514)),
    ],
)
def test_addresses(target: str, expected: object) -> None:
    assert syslog.address(target) == expected


def test_a_mail_that_its_provider_does_not_take_keeps_no_other_destination_waiting(
    settings: Settings, head: AuditHead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many(*_args: object, **_options: object) -> None:
        raise AnymailAPIError("429: too many mails")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", too_many)
    settings.AUDIT_HEAD_EXPORT = ["mailto:security@example.com", f"file:{tmp_path / 'heads.jsonl'}"]
    assert head_export.export() == 1
    row = AuditHeadExport.objects.get(destination__startswith="mailto:")
    assert "429: too many mails" in row.last_error


def test_a_place_that_is_said_to_have_heads_of_the_future_goes_on_getting_them(
    settings: Settings, head: AuditHead, tmp_path: Path
) -> None:
    """By SQL alone nobody keeps the heads from leaving, while the figures say that none waits."""
    file = tmp_path / "heads.jsonl"
    settings.AUDIT_HEAD_EXPORT = [f"file:{file}"]
    AuditHeadExport.objects.create(destination=f"file:{file}", number=10**12)
    assert head_export.export() == 1
    assert file.read_text().count("\n") == 1
    assert AuditHeadExport.objects.get().number == head.number
