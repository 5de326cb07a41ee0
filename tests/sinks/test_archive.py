"""An archived key at rest: wrapped for recovery alone; after an erasure nothing that is left opens."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as present
from django.utils import timezone
from pytest_django import Settings

from identity_manager.config import secret_files
from identity_manager.jobs import key_rotation
from identity_manager.models import ArchivedKey, Person, RecoveryCertificate
from identity_manager.people import erasure
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.wrapping import Purpose
from tests.sinks import places
from tests.sinks.caught import Caught, caught_secrets
from tests.sinks.test_epochs import files_of_the_database, found_in
from tests.tools import cast, recovery

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]


@pytest.fixture
def caught(settings: Settings, tmp_path: Path) -> Iterator[Caught]:
    """What is made and wrapped, with rings in files."""
    secret_files.make(tmp_path / "keys")
    settings.VAULT_KEYS = {
        purpose.value: KeyRing.of_files(tmp_path / "keys" / f"kek-{purpose.value}") for purpose in Purpose
    }
    with caught_secrets() as found:
        yield found


@pytest.fixture
def key(caught: Caught) -> ArchivedKey:
    """The archived key of a token whose passphrase was noted."""
    recovery.in_force(recovery.officers())
    return recovery.archived_key(cast.Company())


def opens(wrapped: bytes, row: ArchivedKey) -> bool:
    """Whether a key that this installation holds now takes the outer layer off."""
    try:
        vault.unwrap(wrapped, purpose=Purpose.ARCHIVE, record=row.pk, owner=row.owner_id)
    except vault.VaultError:
        return False
    return True


def rotate_and_wait(after: timedelta) -> str:
    key_rotation.rotate(actor=None, wait=timedelta(0))
    with time_machine.travel(timezone.now() + after):
        return key_rotation.rewrap_and_destroy()


@pytest.mark.usefixtures("sqlite_only")
def test_the_key_lies_nowhere_but_in_its_envelope(key: ArchivedKey, caught: Caught) -> None:
    """With the present keys in hand: the envelope is for recovery keys, all else that was wrapped is gone."""
    assert vault.erase_traces()
    assert caught.search().all_findings(places.database_rows()) == []
    seal = RecoveryCertificate.objects.values_list("seal", flat=True).get()
    assert set(found_in(files_of_the_database(), caught.wrapped)) == {seal, key.envelope_wrapped}


def test_after_an_erasure_nothing_that_is_left_opens(key: ArchivedKey, caught: Caught) -> None:
    owner, wrapped = Person.objects.get(pk=key.owner_id), key.envelope_wrapped
    assert opens(wrapped, key)
    erasure._forget_the_archive(owner)
    vault.erase_traces()
    kept = timedelta(days=present.BACKUP_KEPT_DAYS)
    rotate_and_wait(kept - timedelta(days=1))
    assert opens(wrapped, key), "a backup of that time still opens"
    with time_machine.travel(timezone.now() + kept + timedelta(hours=1)):
        key_rotation.rewrap_and_destroy()
    left = found_in(files_of_the_database(), [wrapped])
    assert [each for each in left if opens(each, key)] == []
    assert not opens(wrapped, key), "no copy in a backup opens any more"


@pytest.mark.usefixtures("sqlite_only")
def test_sqlite_keeps_no_envelope_of_who_was_erased(key: ArchivedKey) -> None:
    assert vault.erase_traces()
    assert found_in(files_of_the_database(), [key.envelope_wrapped]), "the search sees it"
    erasure._forget_the_archive(Person.objects.get(pk=key.owner_id))
    assert vault.erase_traces()
    assert found_in(files_of_the_database(), [key.envelope_wrapped]) == []
