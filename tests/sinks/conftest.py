"""An office that is watched: every sink is recorded from the first sign-in on."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from pytest_django import Settings

from identity_manager.management.embedded import Broker, server_executable
from tests.journeys.office import Office
from tests.sinks import recording, wire
from tests.sinks.caught import caught_secrets
from tests.sinks.recording import EXCHANGES, FAULTS, RecordingClient
from tests.sinks.watched import Watched
from tests.tools.broker import running_broker


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A private broker; each test finds it empty."""
    with running_broker(server_executable()) as running:
        yield running


@pytest.fixture
def watched(transactional_db: None, settings: Settings, tmp_path: Path, broker: Broker) -> Iterator[Watched]:
    """The recorders at work, with a mailbox of their own."""
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    cache.clear()
    EXCHANGES.clear()
    FAULTS.clear()
    with ExitStack() as stack:
        yield Watched(
            logs=stack.enter_context(recording.recorded_logs()),
            programs=stack.enter_context(recording.recorded_programs()),
            wire=stack.enter_context(wire.overheard(broker)),
            caught=stack.enter_context(caught_secrets()),
        )


@pytest.fixture
def office(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The office of the journeys, whose browsers are recorded."""
    monkeypatch.setattr("tests.journeys.office.Client", RecordingClient)
    return Office()


@pytest.fixture
def database_file(watched: Watched, sqlite_only: None) -> Path:
    """The file of the database; its write-ahead log begins empty, so that it holds this test's pages."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(str(connection.settings_dict["NAME"]))
