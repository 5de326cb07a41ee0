"""Backup and restore: what was under way goes on, nothing is doubled at the CA, no key is in it, and whatever
does not fit is refused with nothing changed."""

import base64
import errno
import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.connection import registry
from ca_bridge.contract import CertificateOrder, Issued
from ca_bridge.errors import CaError
from ca_bridge.keys import keys, recovery_keys
from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager.audit import sealing
from identity_manager.config import secret_files
from identity_manager.jobs import ca_scans, key_rotation
from identity_manager.management.backup import (
    authorities,
    creation,
    directory_lock,
    manifest,
    restoring,
    series,
    sqlite,
)
from identity_manager.management.backup.manifest import BackupError
from identity_manager.models import (
    Account,
    ArchivedKey,
    AuditEvent,
    Certificate,
    JobRun,
    Person,
    RequestState,
    TokenRequest,
)
from identity_manager.transactions.refusals import Reason
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.wrapping import Purpose
from identity_manager.workflow.archive import key_opening
from identity_manager.workflow.issuance import finished_here, retry
from tests.ca_bridge.scripted import SearchableConnector, issuing_ca, sign
from tests.identity_manager.management import test_run
from tests.identity_manager.management.test_run import manage
from tests.tools import cast, migrated, recovery
from tests.tools.contents import contents

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
]


class RememberingConnector(SearchableConnector):
    """A CA elsewhere: it outlives a restored database, remembers what it issued, and can be searched.

    It issues anew each time that it is asked: doubles are its asker's fault.
    """

    issued: list[tuple[str, bytes]] = []

    def issue(self, order: CertificateOrder) -> Issued:
        certificate = sign(order)
        self.issued.append((order.idempotency_key, certificate))
        return Issued(certificate, (issuing_ca().der,))

    def find(self, order: CertificateOrder) -> Issued | None:
        known = dict(self.issued).get(order.idempotency_key)
        return Issued(known, (issuing_ca().der,)) if known else None


@pytest.fixture(autouse=True)
def workers_began_after_the_restore(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are stopped for a restore, and remember nothing of before."""
    monkeypatch.setattr(finished_here, "KEPT_SECONDS", -1.0)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
def company() -> cast.Company:
    return cast.Company()


@pytest.fixture
def elsewhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """The CA is another program; returns what it has issued."""
    monkeypatch.setattr(RememberingConnector, "issued", [])
    path = f"{RememberingConnector.__module__}.RememberingConnector"
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": path, "OPTIONS": {}}}
    return RememberingConnector.issued


def restored(place: Path, **options: Any) -> None:
    restoring.restore(place, replace=restoring.database_name(), **options)


# --- The road goes on
def test_what_was_asked_since_is_looked_up_and_not_asked_again(
    company: cast.Company, elsewhere: list[tuple[str, bytes]], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order stands in the backup, the CA was down at that moment, and has issued since."""
    request = company.request_in("issuing")
    with monkeypatch.context() as outage:
        outage.setattr(RememberingConnector, "issue", is_down)
        cast.issued(request)
    assert elsewhere == []
    creation.make(place)
    due_again(request)
    cast.issued(request)
    (known,) = elsewhere

    restored(place)

    due_again(request)
    again = TokenRequest.objects.get(pk=request.pk)
    assert again.state == RequestState.ISSUING
    assert cast.issued(again).state == RequestState.ISSUED
    assert elsewhere == [known]
    assert bytes(CaOrder.objects.get().certificate or b"") == known[1]
    cast.delivered(again)
    cast.noted(again.tokens.get())
    assert TokenRequest.objects.get(pk=request.pk).state == RequestState.COMPLETED


def test_what_was_ordered_since_with_a_key_that_is_lost_is_found_and_revoked(
    company: cast.Company, elsewhere: list[tuple[str, bytes]], place: Path
) -> None:
    """The backup is of the moment before there was a key. An officer retries; one certificate is valid."""
    request = company.request_in("issuing")
    creation.make(place)
    cast.issued(request)
    (lost,) = elsewhere

    restored(place)

    failed = cast.issued(TokenRequest.objects.get(pk=request.pk))
    assert failed.state == RequestState.FAILED
    assert elsewhere == [lost], "it was not asked for once more"
    assert bytes(SurplusCertificate.objects.get().certificate) == lost[1]
    retry.retry(actor=company.ada, request_id=request.pk)
    assert cast.issued(failed).state == RequestState.ISSUED
    ca_scans.revoke_surplus()
    revoked = registry.connector("corporate").revoked  # type: ignore[attr-defined]  # the scripted one has it
    assert [certificate for certificate, _reason in revoked] == [lost[1]]
    assert len(elsewhere) == 2


# --- Put back by an operator's own tools
MOMENT = "2026-11-24T02:00:00+00:00"


def test_a_database_that_others_put_back_asks_for_nothing_twice_once_that_is_marked(
    elsewhere: list[tuple[str, bytes]],
    company: cast.Company,
    place: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    request = company.request_in("issuing")
    creation.make(place)
    cast.issued(request)
    (lost,) = elsewhere
    put_back_by_other_tools(place)

    call_command("mark_restored", MOMENT)

    assert "0 open orders are looked up" in capsys.readouterr().out
    assert cast.issued(TokenRequest.objects.get(pk=request.pk)).state == RequestState.FAILED
    assert elsewhere == [lost], "it was not asked for once more"
    assert bytes(SurplusCertificate.objects.get().certificate) == lost[1]


def test_open_orders_of_such_a_database_are_in_doubt_once(
    elsewhere: list[tuple[str, bytes]], company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    with monkeypatch.context() as outage:
        outage.setattr(RememberingConnector, "issue", is_down)
        cast.issued(request)
    assert restoring.mark(datetime.fromisoformat(MOMENT)) == 1
    order = CaOrder.objects.get()
    assert order.attempts.filter(outcome="").count() == 1

    assert restoring.mark(datetime.fromisoformat("2026-11-24T03:00:00+01:00")) is None
    assert order.attempts.filter(outcome="").count() == 1
    assert AuditEvent.objects.get(name="system.restored").facts == {"made_at": MOMENT, "number": 1}
    assert restoring.mark(datetime.fromisoformat("2026-11-25T02:00:00+00:00")) == 1, "it was put back again"


def test_what_cannot_be_marked(company: cast.Company) -> None:
    before = contents()
    for moment, words in (
        ("yesterday", "is no moment with an offset"),
        ("2026-11-24T02:00:00", "is no moment with an offset"),
        ("2026-13-24T02:00:00Z", "is no moment with an offset"),
        ("2999-11-24T02:00:00Z", "is yet to come"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("mark_restored", moment)
    assert contents() == before
    JobRun.objects.create(name="queue.sweep", finished_at=timezone.now())
    with pytest.raises(CommandError, match="Workers still run here"):
        call_command("mark_restored", MOMENT)
    assert not AuditEvent.objects.filter(name="system.restored").exists()


def put_back_by_other_tools(place: Path) -> None:
    """As a copy of the database's files brings it back: nothing notes it."""
    with mock.patch.object(restoring, "_doubt"):
        restored(place)
    assert not AuditEvent.objects.filter(name="system.restored").exists()


def is_down(self: object, order: object) -> None:
    raise CaError("The certificate authority cannot be reached.", "connection refused")


def due_again(request: TokenRequest) -> None:
    Certificate.objects.filter(token__request=request).update(next_attempt_at=timezone.now())


def test_what_came_after_the_backup_is_gone_and_the_log_says_why(company: cast.Company, place: Path) -> None:
    sealing.seal()
    creation.make(place)
    cast.person("later")
    restored(place)
    assert not Person.objects.filter(given_name="Later").exists()
    event = AuditEvent.objects.get(name="system.restored")
    assert event.facts["made_at"] == manifest.read(place).made_at
    assert Person.objects.matching("lindqvist").count() == 1


def test_ids_of_new_rows_do_not_meet_old_ones(company: cast.Company, place: Path) -> None:
    company.request_in("issued")
    creation.make(place)
    restored(place)
    another = cast.accepted(cast.enabled(company.ada, company.sam, company.vpn))
    assert cast.issued(another).state == RequestState.ISSUED
    assert SurplusCertificate.objects.count() == 0


def test_a_backup_is_of_one_moment_whoever_writes_meanwhile(company: cast.Company, place: Path) -> None:
    stop, made = threading.Event(), []

    def enter_persons() -> None:
        while not stop.is_set():
            made.append(cast.person(f"n{len(made)}", sid="", roles=()))
        connection.close()

    thread = threading.Thread(target=enter_persons)
    thread.start()
    try:
        backup = creation.make(place)
    finally:
        stop.set()
        thread.join()
    assert made
    restored(place)
    assert Person.objects.count() == backup.counts["identity_manager_person"] >= 6


def test_everybody_signs_in_anew(company: cast.Company, place: Path) -> None:
    browser = Client()
    browser.force_login(Account.objects.create_account(username="uma", person=company.uma, password=None))
    assert browser.get("/my/").status_code == 200
    creation.make(place)
    restored(place)
    assert Session.objects.count() == 0
    assert browser.get("/my/").status_code == 302


def test_a_backup_of_yesterday_opens_the_archive(
    company: cast.Company, place: Path, settings: Settings, tmp_path: Path
) -> None:
    """Since then its key of the vault has been rotated, and the archived key removed."""
    secret_files.make(tmp_path / "keys")
    settings.VAULT_KEYS = {
        purpose.value: KeyRing.of_files(tmp_path / "keys" / f"kek-{purpose.value}") for purpose in Purpose
    }
    recovery.in_force(recovery.officers())
    key = recovery.archived_key(company)
    creation.make(place)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        key_rotation.rotate(actor=None, wait=timedelta(0))
        key_rotation.rewrap()
        assert ArchivedKey.objects.get().envelope_wrapped != key.envelope_wrapped
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        key_rotation.rewrap_and_destroy()
        ArchivedKey.objects.all().delete()

        restored(place)

        row = ArchivedKey.objects.get()
        assert row.envelope_wrapped == key.envelope_wrapped
        document, circle = recovery.ceremony()
        officers_key = recovery_keys.open_with_shares(document, circle.texts[1:])
        opened = key_opening.open_key(row, officers_key)
        assert not isinstance(opened, Reason)
        assert keys.public_key_sha256(opened).hex() == key.public_key_sha256


# --- What is in it
def test_no_key_is_in_it_and_nobody_else_may_read_it(
    company: cast.Company, place: Path, settings: Settings
) -> None:
    company.request_in("issued")
    creation.make(place)
    files = [path for path in place.rglob("*") if path.is_file()]
    assert len(files) > 2
    for secret in Path(settings.SECRETS_DIR).iterdir():
        for line in secret.read_bytes().split():
            text = line.partition(b":")[2] or line
            assert not [path for path in files if text in path.read_bytes()], secret.name
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert place.stat().st_mode & 0o777 == 0o700


def test_it_is_whole_or_not_there(
    company: cast.Company, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(directory: Path) -> list[str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(authorities, "dump", full)
    with pytest.raises(OSError, match="No space left"):
        creation.make(place)
    assert list(place.parent.iterdir()) == []


def test_of_a_series_the_last_ones_are_kept_and_nothing_else_is_touched(place: Path) -> None:
    place.mkdir()
    (place / "notes").mkdir()
    (place / "2020-01-01T000000Z").mkdir()  # no backup: it has no manifest
    (place / ".2026-11-19T020000Z.partial").mkdir()  # was cut off
    for hour in range(4):
        with time_machine.travel(f"2026-11-2{hour}T02:00:00Z"):
            call_command("backup", place, "--keep", "2", verbosity=0)
    names = sorted(path.name for path in place.iterdir())
    assert names == ["2020-01-01T000000Z", "2026-11-22T020000Z", "2026-11-23T020000Z", "notes"]
    assert manifest.read(place / names[1]).counts


def test_two_at_once_take_nothing_from_each_other(
    company: cast.Company, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into one series, and into one directory: the second refuses, and the first is whole."""
    fill, refused = creation._fill, []

    def meanwhile(draft: Path) -> manifest.Manifest:
        second = ["--keep", "9"] if draft.parent == place else []
        with monkeypatch.context() as patched:
            patched.setattr(creation, "_fill", fill)
            with pytest.raises(CommandError) as refusal:
                call_command("backup", str(place), *second)
        refused.append(str(refusal.value))
        return fill(draft)

    monkeypatch.setattr(creation, "_fill", meanwhile)
    with time_machine.travel(datetime.fromisoformat("2026-11-20T02:00Z")):
        call_command("backup", str(place), "--keep", "9")
    (made,) = place.iterdir()
    assert manifest.read(made).counts
    shutil.rmtree(place)
    call_command("backup", str(place))
    assert manifest.read(place).counts
    assert [each.endswith("; nothing was done.") for each in refused] == [True, True]
    assert [path.name for path in place.parent.glob(".*.partial")] == []


def test_a_draft_that_another_has_begun_since_is_not_taken_away(
    company: cast.Company, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, draft = Path.rename, creation.draft_of(place)

    def then_another_begins(path: Path, target: Path) -> Path:
        renamed = rename(path, target)
        if path == draft:
            draft.mkdir()
            (draft / "database").touch()
        return renamed

    monkeypatch.setattr(Path, "rename", then_another_begins)
    creation.make(place)
    assert [path.name for path in draft.iterdir()] == ["database"]


def test_a_backup_that_is_there_since_is_not_written_over(
    company: cast.Company, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another has ended between the first look at the place and the turn."""
    of = directory_lock.locked_directory

    def after_another(draft: Path) -> Any:
        place.mkdir()
        (place / "database").touch()
        return of(draft)

    monkeypatch.setattr(directory_lock, "locked_directory", after_another)
    monkeypatch.setattr(creation, "_fill", lambda _draft: pytest.fail("it was made all the same"))
    with pytest.raises(BackupError, match="is not empty"):
        creation.make(place)
    assert [path.name for path in place.iterdir()] == ["database"]
    assert not creation.draft_of(place).exists()


def test_a_share_without_locks_takes_backups(
    company: cast.Company, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = OSError(errno.EBADF, "Bad file descriptor")
    monkeypatch.setattr(fcntl, "flock", mock.Mock(side_effect=refusal))
    call_command("backup", str(place), "--keep", "1")
    assert len([*place.iterdir()]) == 1


@pytest.mark.parametrize(
    ("keep", "kept"), [("1", []), ("2", ["2027-01-03"]), ("9", ["2027-01-01", "2027-01-02", "2027-01-03"])]
)
def test_the_backup_that_was_made_stays_though_the_clock_was_ahead(
    place: Path, capsys: pytest.CaptureFixture[str], keep: str, kept: list[str]
) -> None:
    for day in (1, 2, 3):
        with time_machine.travel(f"2027-01-0{day}T02:00:00Z"):
            call_command("backup", place, "--keep", "9")
    assert capsys.readouterr().err == ""
    with time_machine.travel("2026-11-27T02:00:00Z"):
        call_command("backup", place, "--keep", keep)
    names = sorted(path.name for path in place.iterdir())
    assert names == ["2026-11-27T020000Z", *(f"{day}T020000Z" for day in kept)]
    said = capsys.readouterr().err
    assert said.startswith(
        f"{len(kept)} of the backups beside it are named after a later moment" if kept else ""
    )
    assert bool(said) == bool(kept)


def test_of_a_series_nothing_is_removed_before_the_next_one_is_whole(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel("2026-11-20T02:00:00Z"):
        series.add(place, keep=1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(place))

    monkeypatch.setattr(manifest.Manifest, "write", full)
    with time_machine.travel("2026-11-21T02:00:00Z"), pytest.raises(CommandError, match="No space left"):
        call_command("backup", place, "--keep", "1")
    assert [path.name for path in place.iterdir()] == ["2026-11-20T020000Z"]
    with pytest.raises(CommandError, match="one backup at least"):
        call_command("backup", place, "--keep", "0")


@pytest.mark.usefixtures("sqlite_only")
def test_a_copy_that_finds_no_room_is_one_sentence_and_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite, "_forget_sessions", full)
    with pytest.raises(CommandError, match=f"cannot be copied to {place.parent}: database or disk is full"):
        call_command("backup", place)
    assert list(place.parent.iterdir()) == []


def test_it_never_goes_over_another_one_or_beside_the_keys(place: Path, settings: Settings) -> None:
    creation.make(place)
    with pytest.raises(BackupError, match="is not empty; name a new directory"):
        creation.make(place)
    with pytest.raises(BackupError, match="A backup and its keys must lie apart"):
        creation.make(Path(settings.SECRETS_DIR) / "backup")


# --- The embedded CA
def use_ca_directory(settings: Settings, directory: Path) -> None:
    configuration = settings.CA_CONNECTORS["corporate"]
    options = {**configuration["OPTIONS"], "directory": str(directory)}
    settings.CA_CONNECTORS = {"corporate": {**configuration, "OPTIONS": options}}


def test_the_embedded_ca_comes_along(
    company: cast.Company, place: Path, tmp_path: Path, settings: Settings
) -> None:
    creation.make(place)
    use_ca_directory(settings, tmp_path / "new" / "corporate")
    restored(place)
    assert (tmp_path / "new" / "corporate" / "issuing.crt").exists()
    assert cast.issued(company.request_in("issuing")).state == RequestState.ISSUED


def test_the_ca_may_have_gone_on_since(
    company: cast.Company, place: Path, tmp_path: Path, settings: Settings
) -> None:
    """An issuing CA came, and the root's key was taken away: so it stays."""
    creation.make(place)
    now = tmp_path / "now" / "corporate"
    shutil.copytree(place / "ca" / "corporate", now)
    (now / "root.key").unlink()
    use_ca_directory(settings, now)
    call_command("roll_issuing_ca", root_key=place / "ca" / "corporate" / "root.key")
    restored(place)
    assert not (now / "root.key").exists()
    assert (now / "issuing-2.crt").exists()
    assert cast.issued(company.request_in("issuing")).state == RequestState.ISSUED


def test_a_ca_that_kubernetes_mounts_is_the_same_one_elsewhere(
    company: cast.Company, place: Path, tmp_path: Path, settings: Settings
) -> None:
    """Its files are links into a directory with the time of the mount in its name."""
    present = Path(settings.CA_CONNECTORS["corporate"]["OPTIONS"]["directory"])
    use_ca_directory(settings, mounted(present, tmp_path / "first", "..2026_11_24"))
    creation.make(place)
    assert {path.name for path in (place / "ca" / "corporate").iterdir()} == {
        path.name for path in present.iterdir() if path.name != "issued"
    }
    use_ca_directory(settings, mounted(present, tmp_path / "second", "..2026_11_25"))
    restored(place)
    assert cast.issued(company.request_in("issuing")).state == RequestState.ISSUED


def mounted(files: Path, mount: Path, moment: str) -> Path:
    shutil.copytree(files, mount / moment)
    (mount / "..data").symlink_to(moment)
    for path in files.iterdir():
        (mount / path.name).symlink_to(Path("..data") / path.name)
    return mount


def test_another_ca_is_not_overwritten(
    company: cast.Company, place: Path, tmp_path: Path, settings: Settings
) -> None:
    creation.make(place)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "issuing.crt").write_text("another")
    use_ca_directory(settings, tmp_path / "other")
    refused(place, "holds another CA than the backup")
    settings.CA_CONNECTORS = {}
    refused(place, "which CA_CONNECTORS does not configure here")


def test_a_ca_whose_directory_is_there_and_empty_comes_along(
    company: cast.Company, place: Path, tmp_path: Path, settings: Settings
) -> None:
    creation.make(place)
    (tmp_path / "new").mkdir()
    use_ca_directory(settings, tmp_path / "new")
    restored(place)
    assert cast.issued(company.request_in("issuing")).state == RequestState.ISSUED


def test_a_restore_that_is_refused_leaves_no_ca(
    company: cast.Company, place: Path, tmp_path: Path, settings: Settings
) -> None:
    """Else the backup of another CA would be refused there, and a start would use the one that was left."""
    creation.make(place)
    edit(place, lambda content: content["counts"].update(identity_manager_person=1))
    use_ca_directory(settings, tmp_path / "new" / "corporate")
    refused(place, "The manifest says 1 rows of identity_manager_person")
    assert not list((tmp_path / "new").iterdir())


def test_a_ca_is_put_back_whole_or_not_at_all(
    company: cast.Company,
    place: Path,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The disk is full: what was copied by then would be taken for a CA whose key was taken away."""
    creation.make(place)
    use_ca_directory(settings, tmp_path / "new" / "corporate")

    def is_full(_directory: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(authorities, "_make_private", is_full)
    with pytest.raises(OSError, match="No space left"):
        restored(place)
    assert not list((tmp_path / "new").iterdir())


# --- What is refused changes nothing
def refused(place: Path, words: str, *, replace: str | None = None) -> None:
    before = contents()
    with pytest.raises(BackupError, match=words):
        restoring.restore(place, replace=restoring.database_name() if replace is None else replace)
    assert contents() == before


def edit(place: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = place / manifest.FILE_NAME
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.fixture
def backed_up(company: cast.Company, place: Path) -> Path:
    company.request_in("issued")
    sealing.seal()
    creation.make(place)
    return place


def test_what_is_no_backup(tmp_path: Path) -> None:
    refused(tmp_path, "is no backup")
    (tmp_path / manifest.FILE_NAME).write_text("{")
    refused(tmp_path, "cannot be read")


def test_a_changed_or_missing_file(backed_up: Path) -> None:
    data = [path for path in backed_up.rglob("*") if path.is_file() and path.name != manifest.FILE_NAME]
    path = max(data, key=lambda path: path.stat().st_size)
    with path.open("ab") as stream:
        stream.write(b"x")
    refused(backed_up, "is not what the manifest says")
    path.unlink()
    refused(backed_up, "is missing")


def test_a_backup_of_another_engine_version_or_format(backed_up: Path) -> None:
    edit(backed_up, lambda content: content["migrations"].append("identity_manager.9999_later"))
    refused(backed_up, "made by another version")
    edit(backed_up, lambda content: content.update(engine="oracle"))
    refused(backed_up, "The backup is of oracle")
    edit(backed_up, lambda content: content.update(format=99))
    refused(backed_up, "format 99")


@pytest.mark.parametrize("name", ["", "another"])
def test_a_database_that_is_not_named(backed_up: Path, name: str) -> None:
    refused(backed_up, f"say --replace {restoring.database_name()}", replace=name)


def test_a_database_on_which_workers_run(backed_up: Path) -> None:
    JobRun.objects.create(name="queue.sweep", finished_at=timezone.now())
    refused(backed_up, "Workers still run")


def test_rows_that_the_manifest_does_not_know(backed_up: Path) -> None:
    edit(backed_up, lambda content: content["counts"].update(identity_manager_person=1))
    refused(backed_up, "The manifest says 1 rows of identity_manager_person; there are 6")


def test_keys_that_open_nothing_of_it(backed_up: Path, settings: Settings) -> None:
    other = {name: {"1": base64.b64encode(os.urandom(32)).decode()} for name in settings.VAULT_KEYS}
    settings.VAULT_KEYS = other
    refused(backed_up, "do not open the passphrases of the backup")
    restored(backed_up, accept_unopened=True)
    assert TokenRequest.objects.get().state == RequestState.ISSUED


@pytest.mark.parametrize(
    ("ring", "kind", "lost"),
    [
        ("archive", "archived keys", "then those keys are not recovered"),
        ("other", "seals of recovery certificates", "archived for them are not recovered"),
    ],
)
def test_keys_that_open_no_archived_key_of_it(
    company: cast.Company, place: Path, settings: Settings, ring: str, kind: str, lost: str
) -> None:
    """Officers would find their shares refused, weeks after the restore."""
    recovery.in_force(recovery.officers())
    recovery.archived_key(company)
    creation.make(place)
    settings.VAULT_KEYS = {
        **settings.VAULT_KEYS,
        ring: {"1": base64.b64encode(os.urandom(32)).decode()},
    }
    refused(place, f"do not open the {kind} of the backup")
    refused(place, lost)


def test_an_audit_log_that_ends_too_early_or_is_not_sound(company: cast.Company, place: Path) -> None:
    company.request_in("awaiting_acceptance")
    sealing.seal()
    AuditEvent.objects.filter(number=2).update(name="person.locked")
    creation.make(place)
    refused(place, "The audit log of the backup is not sound")
    edit(place, lambda content: content.update(audit_number=9999))
    refused(place, "does not have the event 9999")


# --- The commands
@pytest.mark.nightly
@pytest.mark.usefixtures("sqlite_only")
def test_elsewhere_by_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, secrets = tmp_path / "old", tmp_path / "new", tmp_path / "secrets"
    monkeypatch.setattr("tests.identity_manager.management.test_run.environment", environment_with(secrets))
    for folder in ("data", "run"):
        (old / folder).mkdir(parents=True)
    run("-m", "identity_manager.config.secret_files", var=old)
    migrated.copied_to(old / "data" / "db.sqlite3")
    for command in ("createcachetable", "init_embedded_ca"):
        assert manage(command, var=old, port=1).returncode == 0
    password = tmp_path / "password"
    password.write_text("correct horse battery staple\n")
    officer = ("--username", "olga", "--personnel-number", "P-1", "--given-name", "Olga", "--surname", "Ohm")
    more = ("--email", "olga@example.com", "--role", "system-administrator", "--password-file", str(password))
    assert manage("create_officer", *officer, *more, var=old, port=1).returncode == 0

    made = manage("backup", str(tmp_path / "backup"), var=old, port=1)
    assert made.returncode == 0, made.stderr
    assert f"Keep SECRETS_DIR ({secrets})" in made.stdout
    back = manage("restore", str(tmp_path / "backup"), var=new, port=1)
    assert back.returncode == 0, back.stderr
    assert back.stdout.startswith("Restored: the state of ")
    assert (new / "ca" / "corporate" / "issuing.crt").exists()

    twice = manage("restore", str(tmp_path / "backup"), var=new, port=1)
    assert twice.returncode == 1
    assert "is not empty. To lose what is in it, say --replace db.sqlite3." in twice.stderr


def environment_with(secrets: Path) -> Callable[[Path, int], dict[str, str]]:
    def environment(var: Path, port: int) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "VAR_DIR": str(var), "SECRETS_DIR": str(secrets)}

    return environment


def run(*arguments: str, var: Path) -> None:
    command = [sys.executable, *arguments]
    subprocess.run(command, env=test_run.environment(var, 1), cwd=test_run.ROOT, check=True)
