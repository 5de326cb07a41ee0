"""The migrated database is made once for a state of the source, and copied whole or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.tools import migrated
from tests.tools.migrated import begun_from_a_copy


def make(place: Path) -> None:
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE made (number)")


def tables(place: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(place)) as connection:
        return connection.execute("SELECT name FROM sqlite_master").fetchall()


def test_the_second_begins_with_what_the_first_has_made(tmp_path: Path) -> None:
    with begun_from_a_copy(tmp_path / "first", folder=tmp_path):
        assert not (tmp_path / "first").exists()
        make(tmp_path / "first")
    with begun_from_a_copy(tmp_path / "second", folder=tmp_path):
        assert tables(tmp_path / "second") == [("made",)]


def test_other_source_begins_anew_and_the_old_copy_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with begun_from_a_copy(tmp_path / "first", folder=tmp_path):
        make(tmp_path / "first")
    monkeypatch.setattr(migrated, "SOURCES", ("tests/settings.py",))
    with begun_from_a_copy(tmp_path / "second", folder=tmp_path):
        assert not (tmp_path / "second").exists()
        make(tmp_path / "second")
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == [f"{migrated.state()}.sqlite3"]


def failing(folder: Path) -> None:
    with begun_from_a_copy(folder / "first", folder=folder):
        make(folder / "first")
        raise ZeroDivisionError


def test_who_fails_leaves_no_copy(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        failing(tmp_path)
    assert list(tmp_path.glob("*.sqlite3")) == []
