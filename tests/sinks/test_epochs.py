"""After an epoch has passed, whatever the database kept of erased secrets is opened by no key that exists.

On SQLite nothing wrapped is left at all (test_at_rest.py). PostgreSQL keeps dead rows until a vacuum and its
write-ahead log until it is reused: there the wrapped forms are found, and the keys are what is gone.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as present
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from identity_manager.config import secret_files
from identity_manager.jobs import key_rotation
from identity_manager.models import Certificate, SoftwareToken, TokenRequest
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.wrapping import Purpose
from tests.journeys.office import Office
from tests.sinks.places import contents_below
from tests.sinks.walk import issue, show
from tests.sinks.watched import Watched
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
]

# Keys of archived keys stay for the longest backup, and recovery keys lie under no epoch.
KEPT_LONGER = {Purpose.ARCHIVE.value, Purpose.RECOVERY_KEYS.value}


@pytest.fixture
def rings(settings: Settings, tmp_path: Path) -> dict[str, KeyRing]:
    secret_files.make(tmp_path / "keys")
    settings.VAULT_KEYS = {
        purpose.value: KeyRing.of_files(tmp_path / "keys" / f"kek-{purpose.value}") for purpose in Purpose
    }
    return settings.VAULT_KEYS


@pytest.fixture
def noted(rings: dict[str, KeyRing], office: Office, watched: Watched) -> TokenRequest:
    """A token with two certificates whose passphrase was noted: three secrets were wrapped and erased."""
    cast.token_type("pair", profiles=("signing", "encryption"))
    request = office.enable("PAIR")
    issue(office, watched, request)
    show(office, request.tokens.get())
    office.note_passphrase()
    watched.work()
    assert len(watched.caught.wrapped) == 3
    return request


def files_of_the_database() -> Iterator[bytes]:
    """Every file of the database as it is now: tables with their dead rows, write-ahead log, journal."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("CHECKPOINT")
            cursor.execute("SHOW data_directory")
            # the server drops files, and whole databases, of tests that run beside
            yield from (content for _, content in contents_below(Path(cursor.fetchone()[0])))
        else:
            database = Path(str(connection.settings_dict["NAME"]))
            yield from (path.read_bytes() for path in database.parent.glob(f"{database.name}*"))


def found_in(files: Iterator[bytes], wanted: list[bytes]) -> list[bytes]:
    forms = {each: (each, each.hex().encode()) for each in wanted}
    found = set()
    for content in files:
        found |= {each for each, looks in forms.items() if any(look in content for look in looks)}
    return [each for each in wanted if each in found]


def opened(wrapped: bytes, rows: list[SoftwareToken | Certificate]) -> bool:
    """Whether a key that this installation holds now opens it, whatever it was bound to."""
    return any(_opens(wrapped, purpose, row) for purpose in Purpose for row in rows)


def _opens(wrapped: bytes, purpose: Purpose, row: SoftwareToken | Certificate) -> bool:
    try:
        person = row.person_id if isinstance(row, SoftwareToken) else row.token.person_id
        vault.unwrap(wrapped, purpose=purpose, record=row.pk, owner=person)
    except vault.VaultError:
        return False
    return True


def rows_of(request: TokenRequest) -> list[SoftwareToken | Certificate]:
    token = request.tokens.get()
    return [token, *token.certificates.all()]


def test_nothing_that_is_found_opens_after_an_epoch(noted: TokenRequest, watched: Watched) -> None:
    wrapped, rows = watched.caught.wrapped, rows_of(noted)
    assert all(opened(each, rows) for each in wrapped)  # with the keys of that time, each is the secret

    key_rotation.rotate(actor=None, wait=timedelta(0))
    with time_machine.travel(timezone.now() + key_rotation.GRACE_PERIOD + timedelta(minutes=1)):
        assert key_rotation.rewrap_and_destroy() == "0 moved, 4 destroyed"

    kept = found_in(files_of_the_database(), wrapped)
    assert [each for each in kept if opened(each, rows)] == []
    assert not any(opened(each, rows) for each in wrapped)


@pytest.mark.usefixtures("postgresql_only")
def test_postgresql_keeps_wrapped_forms_so_the_search_is_not_in_vain(
    noted: TokenRequest, watched: Watched
) -> None:
    assert found_in(files_of_the_database(), watched.caught.wrapped)


@pytest.mark.usefixtures("sqlite_only")
def test_sqlite_keeps_none_of_them(noted: TokenRequest, watched: Watched) -> None:
    assert vault.erase_traces()
    assert found_in(files_of_the_database(), watched.caught.wrapped) == []


def test_the_destroyed_keys_lie_in_no_file_of_the_secrets(noted: TokenRequest, tmp_path: Path) -> None:
    passing = {name: ring for name, ring in present.VAULT_KEYS.items() if name not in KEPT_LONGER}
    old = {ring["1"] for ring in passing.values()}
    key_rotation.rotate(actor=None, wait=timedelta(0))
    with time_machine.travel(timezone.now() + key_rotation.GRACE_PERIOD + timedelta(minutes=1)):
        key_rotation.rewrap_and_destroy()
    contents = [path.read_text(encoding="utf-8") for path in (tmp_path / "keys").iterdir()]
    assert not any(key in content for key in old for content in contents)
    assert not any(re.match(r"1:", content) for content in contents if "kek" in content)


def test_who_waits_loses_nothing(rings: dict[str, KeyRing], office: Office, watched: Watched) -> None:
    """The person notes a passphrase after the epoch in which it was made."""
    request = office.enable("VPN")
    issue(office, watched, request)
    token = request.tokens.get()
    before = show(office, token)
    key_rotation.rotate(actor=None, wait=timedelta(0))
    at = timezone.now() + key_rotation.GRACE_PERIOD + timedelta(minutes=1)
    with time_machine.travel(at):
        assert [key_rotation.rewrap_and_destroy(), key_rotation.rewrap_and_destroy()] == [
            "1 moved, 0 destroyed",
            "0 moved, 4 destroyed",
        ]
    assert show(office, token) == before
    office.note_passphrase()
    token.refresh_from_db()
    assert token.passphrase_wrapped is None
