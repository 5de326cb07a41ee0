"""A database made of what is kept is the one that was kept, and who fails keeps nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.tools.postgres_template import (
    begun_from_a_template,
    dump,
    on_the_server,
    source_of,
    template_of,
    value,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.usefixtures("postgresql_only"),
    pytest.mark.nightly,
]
FIRST, SECOND = "first", "second"  # states of the source
CAST = re.compile(r"::(character varying|text)(\[\])?|[()]")


@pytest.fixture(autouse=True)
def _no_database_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    ours = "SELECT array_agg(datname) FROM pg_database WHERE starts_with(datname, %s) OR datname = %s"
    for name in value(ours, described("")["NAME"], template_of(tmp_path)) or ():
        on_the_server(f'DROP DATABASE "{name}"')


def described(name: str) -> dict[str, Any]:
    """What Django's settings say of the database of a process's tests."""
    return {"NAME": f"{connection.settings_dict['NAME']}_{name}"}


def make(database: dict[str, Any]) -> None:
    """As Django does."""
    on_the_server(f'CREATE DATABASE "{database["NAME"]}" TEMPLATE "{database.get("TEMPLATE", "template1")}"')


def text(of: str, place: Path) -> list[str]:
    """The database as SQL; \\restrict has a key that is another one each time.

    Without casts of strings and their brackets: PostgreSQL writes those of a list in another way once it has
    read them back.
    """
    dump(of, place)
    lines = place.read_text(encoding="utf-8").splitlines()
    return [CAST.sub("", line) for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))]


def test_the_second_begins_with_all_that_the_first_has_migrated(tmp_path: Path) -> None:
    """Tables, indexes, triggers, extensions, rows: the dumps of both say the same."""
    own = connection.settings_dict["NAME"]
    with begun_from_a_template({"NAME": own}, state=FIRST, folder=tmp_path):
        pass
    second = described("second")
    with begun_from_a_template(second, state=FIRST, folder=tmp_path):
        make(second)
    whole = text(own, tmp_path / "own")
    assert "CREATE TABLE public.identity_manager_person " in whole
    assert text(second["NAME"], tmp_path / "copy") == whole


def test_a_server_has_one_template_for_all_processes(tmp_path: Path) -> None:
    databases = [described(name) for name in ("one", "two", "three")]
    for each in databases:
        with begun_from_a_template(each, state=FIRST, folder=tmp_path):
            make(each)
    one, two, three = databases
    assert "TEMPLATE" not in one
    assert two["TEMPLATE"] == three["TEMPLATE"]


def test_other_source_begins_anew_and_what_was_kept_goes(tmp_path: Path) -> None:
    begun = []
    for number, state in enumerate((FIRST, FIRST, SECOND, SECOND)):
        each = described(str(number))
        with begun_from_a_template(each, state=state, folder=tmp_path):
            make(each)
        begun.append("TEMPLATE" in each)
    assert begun == [False, True, False, True]
    (kept,) = tmp_path.glob("*.sql")
    assert kept.stem == source_of(template_of(tmp_path))
    assert kept.stem.startswith(f"{SECOND}-")


def test_who_fails_keeps_nothing(tmp_path: Path) -> None:
    failing = begun_from_a_template(described("failing"), state=FIRST, folder=tmp_path)
    with pytest.raises(ZeroDivisionError), failing:
        raise ZeroDivisionError
    assert list(tmp_path.glob("*.sql")) == []
