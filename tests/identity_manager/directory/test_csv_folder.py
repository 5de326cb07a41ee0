"""CSV drop: which file is read, what becomes of it, and that a bad one says why."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from identity_manager.directory.configuration import parse
from identity_manager.models import DirectoryRun, IdentityChange, Person, PersonState, RunState
from identity_manager.workflow.people import directory_decisions
from tests.tools import cast
from tests.tools.directory import run

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]
HEAD = "Number;First;Last;Mail;State;Room\n"
FIELDS = {
    "personnel_number": "number",
    "given_name": "first",
    "surname": "last",
    "email": "mail",
    "state": "state",
}


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.BREAKER_LEAVING_PERCENT = 100
    hold(settings, tmp_path, "changes")
    return tmp_path


def hold(settings: Any, folder: Path, holds: str) -> None:
    given = {"kind": "csv", "fields": FIELDS, "options": {"folder": str(folder), "holds": holds}}
    settings.DIRECTORY_SOURCES = {"corp": parse("corp", given, secret="")}


def put(folder: Path, name: str, *rows: str, age: int = 60, head: str = HEAD) -> Path:
    file = folder / name
    file.write_text(head + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    moment = time.time() - age
    os.utime(file, (moment, moment))
    return file


def state_of(number: str) -> str:
    return str(Person.objects.get(personnel_number=number).state)


def test_a_file_is_taken_over_and_deleted_and_addresses_wait(folder: Path) -> None:
    file = put(folder, "a.csv", "7;Pia;Falk;pia@example.com;active;12", "8;Max;Falk;;;13")

    done = run()

    assert (done.state, done.counts, file.exists()) == (RunState.DONE, {"create": 2}, False)
    pia = Person.objects.get(personnel_number="7")
    assert (pia.state, pia.email, pia.source) == (PersonState.ACTIVE, "", "csv")
    change = IdentityChange.objects.get()
    assert (change.new, change.person_import_id) == ({"email": "pia@example.com"}, done.pk)


def test_files_follow_each_other_the_oldest_first(folder: Path) -> None:
    put(folder, "b.csv", "7;Pia;Berg;;active;12", age=60)
    put(folder, "a.csv", "7;Pia;Falk;;active;12", age=120)

    run()

    assert Person.objects.get().surname == "Berg"
    assert DirectoryRun.objects.count() == 2
    assert not list(folder.glob("*.csv"))


def test_who_is_not_in_a_file_of_changes_stays(folder: Path, settings: Any) -> None:
    put(folder, "a.csv", "7;Pia;Falk;;active;12", "8;Max;Falk;;active;13")
    run()
    put(folder, "b.csv", "8;Max;Falk;;active;14")
    run()
    assert state_of("7") == PersonState.ACTIVE

    hold(settings, folder, "whole")
    put(folder, "c.csv", "8;Max;Falk;;active;14")
    run()
    assert (state_of("7"), state_of("8")) == (PersonState.INACTIVE, PersonState.ACTIVE)


@pytest.mark.parametrize(
    ("head", "rows", "reason"),
    [
        ("Number;First\n", ["7;Pia"], "lacks the column"),
        (HEAD, [], "no row below"),
        (HEAD, ['7;"Pia;Falk'], "is not CSV"),
    ],
)
def test_a_bad_file_is_set_aside_with_its_reason(
    folder: Path, head: str, rows: list[str], reason: str
) -> None:
    put(folder, "bad.csv", *rows, head=head)
    put(folder, "good.csv", "8;Max;Falk;;active;13", age=30)

    run()

    assert not list(folder.glob("*.csv"))
    (told,) = (folder / "refused").glob("*.reason.txt")
    assert reason in told.read_text(encoding="utf-8")
    assert len(list((folder / "refused").glob("*-bad.csv"))) == 1
    assert state_of("8") == PersonState.ACTIVE


def test_a_bad_line_is_refused_and_keeps_nobody_else_away(folder: Path) -> None:
    put(
        folder,
        "a.csv",
        "7;Pia;Falk;;gone;12",
        "8;Max;Falk;;active;13",
        "8;Max;Berg;;active;13",
        ";No;One;;;1",
    )

    done = run()

    assert done.counts == {"create": 1, "refused": 3}
    problems = " ".join(done.lines.filter(outcome="refused").values_list("problem", flat=True))
    assert "Line 2" in problems
    assert "Stands in line 3 already" in problems
    assert "no personnel number" in problems


def test_a_file_that_is_still_written_waits(folder: Path) -> None:
    put(folder, "a.csv", "7;Pia;Falk;;active;12", age=0)
    run_without_trace()
    assert (folder / "a.csv").exists()


def run_without_trace() -> None:
    with pytest.raises(AssertionError):
        run()
    assert not DirectoryRun.objects.exists()


def test_a_folder_that_is_not_there_is_told(folder: Path) -> None:
    folder.rmdir()
    broken = run()
    assert broken.state == RunState.INCOMPLETE
    assert "folder cannot be read" in broken.error


def test_a_stopped_file_is_set_aside_when_it_is_dropped(folder: Path, settings: Any) -> None:
    put(folder, "a.csv", "7;Pia;Falk;;active;12", "8;Max;Falk;;active;13")
    run()
    settings.BREAKER_LEAVING_PERCENT = 5
    file = put(folder, "b.csv", "8;Max;Falk;;locked;13")
    stopped = run()
    assert (stopped.state, file.exists()) == (RunState.STOPPED, True)

    directory_decisions.drop(actor=cast.person("rita"), run_id=stopped.pk, reason="A wrong file.")

    assert not file.exists()
    (told,) = (folder / "refused").glob("*.reason.txt")
    assert told.read_text(encoding="utf-8") == "A wrong file.\n"
