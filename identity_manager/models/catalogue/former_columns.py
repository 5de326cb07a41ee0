"""Columns of release 1.0, kept in step with the texts in languages that replace them (ADR 0036).

That release reads and writes an English and a German column. During a rolling upgrade from it, triggers copy
each change between old and new columns. The first release to which 1.0 cannot be upgraded drops both.

SQLite drops the triggers of a table that a migration rebuilds: such a migration calls install again, and
tests/upgrade/test_former_columns.py checks for them.
"""

# ruff: noqa: S608 the names of tables and columns stand in this file

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import models

ENGLISH, GERMAN = "en", "de"  # the languages of release 1.0


class FormerColumn(models.CharField):  # type: ignore[type-arg]  # a string, in and out
    """A column of release 1.0. This release leaves it empty, which 1.0 never does; a trigger fills it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"editable": False, "blank": True, **kwargs})

    def get_db_prep_save(self, *_given: Any, **_named: Any) -> str:
        return ""


class FormerName(models.Model):
    """Columns in which release 1.0 has the name."""

    former_name = FormerColumn(db_column="name", max_length=100)
    former_name_de = FormerColumn(db_column="name_de", max_length=100)

    class Meta:
        abstract = True


class FormerDescription(models.Model):
    """Columns in which release 1.0 has the description."""

    former_description = FormerColumn(db_column="description", max_length=300)
    former_description_de = FormerColumn(db_column="description_de", max_length=300)

    class Meta:
        abstract = True


@dataclass(frozen=True)
class Replaced:
    """One column of texts in languages, and the two columns that it replaces."""

    table: str
    texts: str
    english: str

    @property
    def german(self) -> str:
        return f"{self.english}_{GERMAN}"


REPLACED = (
    Replaced("identity_manager_tokentype", "names", "name"),
    Replaced("identity_manager_tokentype", "descriptions", "description"),
    Replaced("identity_manager_certificateprofile", "names", "name"),
    Replaced("identity_manager_termsdocument", "names", "name"),
)


def add_columns(connection: Any) -> None:
    """Add the columns of texts by ALTER TABLE; on SQLite Django would rebuild each table for that."""
    kind = "text" if connection.vendor == "sqlite" else "jsonb"
    with connection.cursor() as cursor:
        for each in REPLACED:
            check = f" CHECK (JSON_VALID({each.texts}))" if connection.vendor == "sqlite" else ""
            cursor.execute(
                f"ALTER TABLE {each.table} ADD COLUMN {each.texts} {kind} DEFAULT '{{}}' NOT NULL{check}"
            )


def drop_columns(connection: Any) -> None:
    """Undo add_columns, after remove."""
    with connection.cursor() as cursor:
        for each in REPLACED:
            cursor.execute(f"ALTER TABLE {each.table} DROP COLUMN {each.texts}")


def install(connection: Any) -> None:
    """Fill empty columns and create the triggers, replacing present ones. Idempotent."""
    statements = _on_sqlite if connection.vendor == "sqlite" else _on_postgresql
    with connection.cursor() as cursor:
        for each in REPLACED:
            for statement in statements(each):
                cursor.execute(statement)


def remove(connection: Any) -> None:
    """Drop the triggers."""
    with connection.cursor() as cursor:
        for each in REPLACED:
            for name in _names(each):
                on_table = "" if connection.vendor == "sqlite" else f" ON {each.table}"
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on_table}")


def _names(each: Replaced) -> list[str]:
    """Names of the triggers of one column; PostgreSQL uses the first only."""
    stem = f"{each.table}_{each.texts}"
    return [f"{stem}_in_step", f"{stem}_inserted", f"{stem}_former_inserted", f"{stem}_former_updated"]


def _on_sqlite(each: Replaced) -> Iterator[str]:
    """Triggers on SQLite fire each other, so each does nothing if both sides are equal already."""
    texts, english, german = f"new.{each.texts}", f"new.{each.english}", f"new.{each.german}"
    as_english = f"coalesce({texts} ->> '$.{ENGLISH}', (SELECT value FROM json_each({texts}) LIMIT 1), '')"
    as_german = f"coalesce({texts} ->> '$.{GERMAN}', '')"
    as_texts = f"json_patch({texts}, {_sqlite_patch('new.', each)})"
    to_former = f"""UPDATE {each.table} SET {each.english} = {as_english}, {each.german} = {as_german}
        WHERE id = new.id"""
    to_texts = f"UPDATE {each.table} SET {each.texts} = {as_texts} WHERE id = new.id"
    differs = f"({english} <> {as_english} OR {german} <> {as_german})"
    updated, inserted, former_inserted, former_updated = _names(each)
    events = {
        updated: (
            f"UPDATE OF {each.texts}, {each.english}",
            f"({english} = '' OR {texts} <> old.{each.texts}) AND {differs}",
            to_former,
        ),
        inserted: ("INSERT", f"{english} = '' AND {differs}", to_former),
        former_inserted: ("INSERT", f"{english} <> '' AND {differs}", to_texts),
        former_updated: (
            f"UPDATE OF {each.english}, {each.german}",
            f"{english} <> '' AND {texts} = old.{each.texts} AND {differs}",
            to_texts,
        ),
    }
    yield f"""UPDATE {each.table} SET {each.texts} = json_patch('{{}}', {_sqlite_patch("", each)})
        WHERE {each.texts} = '{{}}'"""
    for name, (event, condition, action) in events.items():
        yield f"DROP TRIGGER IF EXISTS {name}"
        yield f"CREATE TRIGGER {name} AFTER {event} ON {each.table} WHEN {condition} BEGIN {action}; END"


def _sqlite_patch(row: str, each: Replaced) -> str:
    """A merge patch (RFC 7396): what is null in it is removed."""
    return (
        f"json_object('{ENGLISH}', nullif({row}{each.english}, ''), "
        f"'{GERMAN}', nullif({row}{each.german}, ''))"
    )


def _on_postgresql(each: Replaced) -> Iterator[str]:
    name = _names(each)[0]
    texts, english, german = f"NEW.{each.texts}", f"NEW.{each.english}", f"NEW.{each.german}"
    any_language = f"(SELECT value FROM jsonb_each_text({texts}) LIMIT 1)"
    yield f"""UPDATE {each.table} SET {each.texts} = {_postgresql_texts("", each)}
        WHERE {each.texts} = '{{}}'::jsonb"""
    yield f"""CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {english} <> '' AND (TG_OP = 'INSERT' OR {texts} = OLD.{each.texts}
                AND ({english}, {german}) IS DISTINCT FROM (OLD.{each.english}, OLD.{each.german})) THEN
                {texts} := ({texts} - '{ENGLISH}' - '{GERMAN}') || {_postgresql_texts("NEW.", each)};
            ELSE
                {english} := coalesce({texts} ->> '{ENGLISH}', {any_language}, '');
                {german} := coalesce({texts} ->> '{GERMAN}', '');
            END IF;
            RETURN NEW;
        END $$"""
    yield f"""CREATE OR REPLACE TRIGGER {name} BEFORE INSERT OR UPDATE ON {each.table}
        FOR EACH ROW EXECUTE FUNCTION {name}()"""


def _postgresql_texts(row: str, each: Replaced) -> str:
    return (
        f"jsonb_strip_nulls(jsonb_build_object('{ENGLISH}', nullif({row}{each.english}, ''), "
        f"'{GERMAN}', nullif({row}{each.german}, '')))"
    )
