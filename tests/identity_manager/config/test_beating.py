"""The beat ticks, whatever its disk does, and says that it lives."""

import errno
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import time_machine
from celery import Celery
from pytest_django import Settings

from identity_manager.config.broker import beat_process
from identity_manager.config.broker.beat_ticker import Ticker
from identity_manager.config.celery import app
from identity_manager.config.observability import liveness_file
from identity_manager.management.embedded import Broker, server_executable
from tests.architecture.source import ROOT
from tests.tools.broker import running_broker

pytestmark = pytest.mark.long

FULL = OSError(errno.ENOSPC, "No space left on device")
TICKS = "jobs"  # the queue


def ticks_of(scheduler: Ticker) -> list[str]:
    """What it sends when all is due."""
    sent: list[str] = []

    def send(_entry: Any, **_: Any) -> None:
        sent.append(_entry.task)

    with mock.patch.object(scheduler, "apply_async", send):
        for entry in scheduler.schedule.values():
            scheduler.apply_entry(entry)
    return sent


WRITES = ("builtins.open", "os.open", "os.utime", "pathlib.Path.mkdir", "pathlib.Path.touch")


@pytest.mark.parametrize("broken", WRITES)
def test_no_write_that_fails_ends_it(tmp_path: Path, settings: Settings, broken: str) -> None:
    settings.VAR_DIR = tmp_path / "var"
    with mock.patch(broken, side_effect=FULL):
        scheduler = app.Beat(quiet=True).scheduler_cls
        assert scheduler == settings.CELERY_BEAT_SCHEDULER
        beat = Ticker(app=app)
        assert sorted(ticks_of(beat)) == ["audit.seal", "jobs.tick"]
        beat.sync()
        beat.close()


def test_it_says_that_it_lives(tmp_path: Path, settings: Settings) -> None:
    settings.VAR_DIR = tmp_path
    beat = Ticker(app=app)
    assert not liveness_file.is_alive(tmp_path)
    beat._do_sync()
    assert liveness_file.is_alive(tmp_path)
    assert beat.sync_every * 3 < liveness_file.SECONDS


def test_it_sleeps_until_an_entry_is_due_and_looks_no_sooner() -> None:
    """Celery wakes 10 ms before, and then asks without a pause: half of what the beat took of a processor."""
    sent: list[str] = []
    with (
        time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock,
        mock.patch.object(Ticker, "apply_async", lambda _beat, entry, **_: sent.append(entry.task)),
    ):
        beat = Ticker(app=app)
        beat.__dict__["producer"] = None  # there is no broker
        for _ in range(100):
            if (seconds := beat.tick()) > 0:
                clock.shift(seconds)
    assert len(sent) >= 45, "a hundred looks: at most one that sends nothing for each that does"


def fails() -> None:
    raise ValueError("which nobody expected")


def refuses() -> None:
    sys.exit("A sentence.")


@pytest.mark.parametrize(("check", "says"), [(fails, "which nobody expected"), (refuses, "A sentence.")])
def test_what_is_wrong_with_the_settings_ends_it_and_is_said(
    capfd: pytest.CaptureFixture[str], check: Callable[[], None], says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        beat_process.check_in_child(check)
    assert ended.value.code == 1
    assert says in capfd.readouterr().err


def test_a_beat_whose_settings_are_right_goes_on() -> None:
    beat_process.check_in_child(lambda: None)


def no_room() -> None:
    """In the child: no file takes a byte, as on a full disk; pipes do."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@contextmanager
def beat_without_room(var: Path, broker: Broker) -> "Iterator[subprocess.Popen[bytes]]":
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(var),
        "SECRETS_DIR": os.environ["SECRETS_DIR"],
        "BROKER_URL": broker.url,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        sys.executable,
        "-m",
        "celery",
        "--quiet",
        "--app",
        "identity_manager",
        "beat",
        "--pidfile",
        "",
    ]
    process = subprocess.Popen(
        (*command, "--pidfile", ""),
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        preexec_fn=no_room,  # noqa: PLW1509 no thread
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def waiting(broker: Broker) -> int:
    with Celery(broker=broker.url, set_as_current=False).connection_for_read() as connection:
        return int(connection.default_channel.queue_declare(queue=TICKS, passive=False).message_count)


def test_a_beat_on_a_full_disk_goes_on_ticking(tmp_path: Path) -> None:
    with running_broker(server_executable()) as broker, beat_without_room(tmp_path, broker) as process:
        deadline = time.monotonic() + 60
        while waiting(broker) < 3:
            assert process.poll() is None, process.communicate()[1].decode()[-500:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
