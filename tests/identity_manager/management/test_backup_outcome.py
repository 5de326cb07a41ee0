"""What became of a backup is noted, and seen: by the doctor, in metrics, on START and on the page Jobs."""

import uuid
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.management.backup import creation, outcome
from identity_manager.management.backup.manifest import BackupError
from identity_manager.management.doctor import processes
from identity_manager.management.doctor.check_result import Level
from identity_manager.models import LastBackup, Role
from tests.identity_manager.metrics.test_figures import scraped
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]
HOUR = timedelta(hours=1)
CANNOT = mock.patch.object(creation, "_fill", side_effect=OSError(28, "No space left on device", "/backup"))


@pytest.fixture(autouse=True)
def watched(settings: Settings) -> None:
    settings.BACKUP_WITHIN_HOURS = 30


def made(*, ago: timedelta) -> None:
    LastBackup.objects.update_or_create(pk=1, defaults={"made_at": timezone.now() - ago})


def system_administrator() -> Client:
    return signed_in(cast.person(f"olga-{uuid.uuid4()}", roles=(Role.SYSTEM_ADMINISTRATOR,), sid=""))


def seen() -> tuple[Level, float, float, bool, bool]:
    """Doctor, both metrics, START and the page, as they are now."""
    (finding,) = processes.backups()
    figures = scraped()
    browser = system_administrator()
    start = ">Has failed<" in (text := browser.get(reverse("console:start")).text) or ">Is missing<" in text
    page = browser.get(reverse("console:jobs")).text
    said = "The last backup has failed" in page or "A backup is missing" in page
    return finding.level, figures["backup_failed", ()], figures["backup_overdue", ()], start, said


def test_none_was_ever_made() -> None:
    assert seen() == (Level.WARNING, 0, 1, True, True)
    assert ("backup_age_seconds", ()) not in scraped()


def test_a_good_one(tmp_path: Path) -> None:
    call_command("backup", tmp_path / "backup")
    assert seen() == (Level.OK, 0, 0, False, False)
    assert scraped()["backup_age_seconds", ()] == pytest.approx(0, abs=60)


def test_an_old_one() -> None:
    made(ago=31 * HOUR)
    assert seen() == (Level.WARNING, 0, 1, True, True)
    assert scraped()["backup_age_seconds", ()] == pytest.approx(31 * 3600, abs=60)


def test_one_that_failed_says_why_though_the_last_good_one_is_young(tmp_path: Path) -> None:
    made(ago=HOUR)
    with CANNOT, pytest.raises(CommandError):
        call_command("backup", tmp_path / "backup")
    assert seen() == (Level.FAILED, 1, 0, True, True)
    (finding,) = processes.backups()
    assert "No space left" in finding.says
    page = system_administrator().get(reverse("console:jobs"))
    assert "No space left" in page.text


def test_the_next_good_one_ends_that(tmp_path: Path) -> None:
    with CANNOT, pytest.raises(CommandError):
        call_command("backup", tmp_path / "backup")
    call_command("backup", tmp_path / "other")
    assert seen() == (Level.OK, 0, 0, False, False)


@pytest.mark.parametrize("error", [BackupError("no"), OperationalError("gone")])
def test_each_way_to_fail_is_noted(tmp_path: Path, error: Exception) -> None:
    with mock.patch.object(creation, "_fill", side_effect=error), pytest.raises(CommandError):
        call_command("backup", tmp_path / "backup")
    assert str(error) in LastBackup.read().error


def test_a_backup_counts_also_where_the_database_takes_no_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a standby, from which some make theirs."""
    with mock.patch.object(LastBackup.objects, "update_or_create", side_effect=OperationalError("read-only")):
        call_command("backup", tmp_path / "backup")
    assert (tmp_path / "backup" / "manifest.json").exists()
    assert "takes no writes" in capsys.readouterr().err


def test_other_tools_say_that_they_made_one() -> None:
    call_command("backup", note="made")
    assert seen() == (Level.OK, 0, 0, False, False)


def test_one_that_was_killed_is_noted_by_the_unit() -> None:
    made(ago=HOUR)
    call_command("backup", note="failed")
    assert LastBackup.read().error == outcome.NO_RESULT
    assert seen()[0] == Level.FAILED


def test_the_unit_leaves_what_the_command_has_said(tmp_path: Path) -> None:
    with CANNOT, pytest.raises(CommandError):
        call_command("backup", tmp_path / "backup")
    call_command("backup", note="failed")
    assert "No space left" in LastBackup.read().error


@pytest.mark.parametrize("options", [{}, {"note": "made", "directory": Path("x")}])
def test_either_a_directory_or_a_note(options: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="Name a directory, or what to note"):
        call_command("backup", **options)


def test_nobody_watches_where_nobody_wants_to(settings: Settings) -> None:
    settings.BACKUP_WITHIN_HOURS = 0
    assert seen() == (Level.OK, 0, 0, False, False)
