"""The database as files: never a secret in plain, and of an acknowledged token not even a wrapped one."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from identity_manager.jobs import runner as jobs
from identity_manager.jobs import schedule
from identity_manager.models import TokenRequest
from identity_manager.vault import wrapping as vault
from tests.journeys.office import Office
from tests.sinks import places
from tests.sinks.walk import issue, show
from tests.sinks.watched import Watched
from tests.tools import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


@pytest.fixture
def issued(office: Office, watched: Watched, database_file: Path) -> TokenRequest:
    """A token with two certificates, whose passphrase was shown and not yet noted."""
    cast.token_type("pair", profiles=("signing", "encryption"))
    request = office.enable("PAIR")
    issue(office, watched, request)
    show(office, request.tokens.get())
    return request


def test_never_a_secret_in_plain(
    issued: TokenRequest, office: Office, watched: Watched, database_file: Path
) -> None:
    search = watched.caught.search()
    assert search.all_findings(places.database_files(database_file)) == []

    office.note_passphrase()
    assert issued.tokens.get().passphrase_wrapped is None
    assert search.all_findings(places.database_files(database_file)) == []


def test_the_search_sees_what_is_wrapped(issued: TokenRequest, watched: Watched, database_file: Path) -> None:
    """As long as the passphrase waits for its owner, its wrapped form is in the file: it is found there."""
    *_keys, passphrase = watched.caught.wrapped
    assert passphrase == issued.tokens.get().passphrase_wrapped
    found = watched.caught.search_wrapped().all_findings(places.database_files(database_file))
    assert f"wrapped {len(_keys)}" in {finding.secret for finding in found}


def test_nothing_wrapped_is_left_of_an_acknowledged_token(
    issued: TokenRequest, office: Office, watched: Watched, database_file: Path
) -> None:
    """With the keys of today in hand, whoever has a copy of the files opens nothing of it any more."""
    office.note_passphrase()
    watched.work()
    assert len(watched.caught.wrapped) == 3
    jobs.run(run_id=jobs.row_of("vault.erase_traces").pk)  # within five seconds, says the schedule

    found = watched.caught.search_wrapped().all_findings(places.database_files(database_file))
    assert found == []


def test_the_traces_wait_for_whoever_reads(issued: TokenRequest, database_file: Path) -> None:
    """A reader of older pages is not disturbed: nothing is truncated, and the next call does it."""
    with closing(sqlite3.connect(database_file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM identity_manager_person").fetchone()
        assert not vault.erase_traces()
        reader.execute("COMMIT")
    assert vault.erase_traces()
    assert database_file.with_name(f"{database_file.name}-wal").stat().st_size == 0


def test_the_traces_are_erased_every_few_seconds() -> None:
    job = schedule.named("vault.erase_traces")
    assert job is not None
    assert job.every == timedelta(seconds=5)
