"""Search for persons: which rows match some words, by the index that the database has.

Three letters and more are found anywhere (SQLite: FTS5 trigram; PostgreSQL: pg_trgm). Of one or two letters
a trigram knows nothing, so those match beginnings of words. Scripts that write no spaces have no words to
begin, so their characters are indexed one by one, and one or two of them are found anywhere too.
"""

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import regex
from django.db import connections, models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from identity_manager.models.search_text import fold

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from identity_manager.models.person import PersonQuerySet

COUNT_LIMIT = 1000
QUERY_LENGTH = 200
_TRIGRAM = 3
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
# What PostgreSQL takes for the space between words: names no class, because those depend on the locale.
_BETWEEN_WORDS = r"(^|[ \n!-/:-@\[-`{-~])"
_WORD_CATEGORIES = frozenset("LNM")  # as the tokenizer of the words table has them
_Row = TypeVar("_Row", bound=models.Model)
_Persons = TypeVar("_Persons", bound="PersonQuerySet")


# --- What is indexed -------------------------------------------------------------------------------
def indexed(text: str) -> str:
    """Return the folded lines, those in scripts without spaces also unspaced and character by character."""
    lines: dict[str, None] = {}
    for line in text.split("\n"):
        lines[line] = None
        if _UNSPACED.search(line):
            lines[line.replace(" ", "")] = None
            lines[_apart(line)] = None
    return "\n".join(lines)


def _apart(text: str) -> str:
    return " ".join(_UNSPACED.sub(r" \g<0> ", text).split())


# --- What is asked ---------------------------------------------------------------------------------
def terms(text: str) -> list[str]:
    """Return the folded words of a query, each once. Control characters and the like separate words."""
    plain = "".join(" " if unicodedata.category(symbol)[0] == "C" else symbol for symbol in text)
    return list(dict.fromkeys(fold(plain[:QUERY_LENGTH]).split()))


def matching(persons: _Persons, text: str) -> _Persons:
    """Return the persons in whose search text every word of the query is found; all for an empty query.

    Whatever the query holds is data: quotes, operators and wildcards stand for themselves.
    """
    words = terms(text)
    if not words:
        return persons.none() if text.strip() else persons
    if connections[persons.db].vendor == "sqlite":
        return persons.filter(_in_sqlite(words))
    for word in words:
        persons = persons.filter(_in_postgresql(word))
    return persons


def _in_sqlite(words: list[str]) -> Q:
    """The long words by the table of parts, the short ones by the table of words."""
    long = [word for word in words if len(word) >= _TRIGRAM]
    short = [word for word in words if len(word) < _TRIGRAM and _has_letters(word)]
    found = Q()
    if long:
        found &= _full_text("identity_manager_person_parts", [_phrase(word) for word in long])
    if short:
        found &= _full_text("identity_manager_person_words", [f"{_phrase(_apart(word))} *" for word in short])
    for word in words:
        if len(word) < _TRIGRAM and not _is_simple(word):
            found &= Q(search_text__contains=word)
    return found


def _full_text(table: str, phrases: list[str]) -> Q:
    rows = f"SELECT rowid FROM {table} WHERE {table} MATCH %s"  # noqa: S608 one of our own two names
    sql = f"SELECT person_id FROM identity_manager_person_search WHERE id IN ({rows})"  # noqa: S608 the same
    return Q(pk__in=RawSQL(sql, [" AND ".join(phrases)]))  # noqa: S611 the query is a bound parameter


def _phrase(word: str) -> str:
    """The word as a string of the FTS5 query language (https://sqlite.org/fts5.html, 3.1)."""
    return '"' + word.replace('"', '""') + '"'


def _in_postgresql(word: str) -> Q:
    if len(word) >= _TRIGRAM or not _has_letters(word):
        return Q(search_text__contains=word)
    found = Q(search_text__regex=_BETWEEN_WORDS + regex.escape(_apart(word), special_only=True))
    return found if _is_simple(word) else found & Q(search_text__contains=word)


def _has_letters(word: str) -> bool:
    return any(unicodedata.category(symbol)[0] in _WORD_CATEGORIES for symbol in word)


def _is_simple(word: str) -> bool:
    """Whether the beginning of a word says it all: letters and digits of a script with spaces."""
    return word.isalnum() and not _UNSPACED.search(word)


# --- How many --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CappedCount:
    """How many rows there are, counted no further than the limit: more says that there are others."""

    number: int
    more: bool


def count_up_to(rows: "models.QuerySet[_Row]", limit: int = COUNT_LIMIT) -> CappedCount:
    """Count rows without reading them all: a full count of a large table takes long and helps nobody."""
    number = rows.order_by()[: limit + 1].count()
    return CappedCount(min(number, limit), more=number > limit)


# --- The indexes -----------------------------------------------------------------------------------
# FTS5 wants integer row ids that stay, and those of a table with another primary key do not survive VACUUM.
# So a table of our own carries them, and triggers keep it and the two indexes over it.
_SQLITE = (
    """CREATE TABLE identity_manager_person_search (
        id integer PRIMARY KEY, person_id char(32) NOT NULL UNIQUE, search_text text NOT NULL)""",
    """CREATE VIRTUAL TABLE identity_manager_person_parts USING fts5(search_text,
        content='identity_manager_person_search', content_rowid='id', tokenize='trigram case_sensitive 1')""",
    """CREATE VIRTUAL TABLE identity_manager_person_words USING fts5(search_text,
        content='identity_manager_person_search', content_rowid='id', prefix='1 2',
        tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* Co'")""",
    """CREATE TRIGGER identity_manager_person_search_added
        AFTER INSERT ON identity_manager_person_search BEGIN
        INSERT INTO identity_manager_person_parts (rowid, search_text) VALUES (new.id, new.search_text);
        INSERT INTO identity_manager_person_words (rowid, search_text) VALUES (new.id, new.search_text);
    END""",
    """CREATE TRIGGER identity_manager_person_search_removed
        AFTER DELETE ON identity_manager_person_search BEGIN
        INSERT INTO identity_manager_person_parts (identity_manager_person_parts, rowid, search_text)
            VALUES ('delete', old.id, old.search_text);
        INSERT INTO identity_manager_person_words (identity_manager_person_words, rowid, search_text)
            VALUES ('delete', old.id, old.search_text);
    END""",
    """CREATE TRIGGER identity_manager_person_added AFTER INSERT ON identity_manager_person BEGIN
        INSERT INTO identity_manager_person_search (person_id, search_text) VALUES (new.id, new.search_text);
    END""",
    """CREATE TRIGGER identity_manager_person_changed AFTER UPDATE OF search_text ON identity_manager_person
        WHEN new.search_text <> old.search_text BEGIN
        DELETE FROM identity_manager_person_search WHERE person_id = old.id;
        INSERT INTO identity_manager_person_search (person_id, search_text) VALUES (new.id, new.search_text);
    END""",
    """CREATE TRIGGER identity_manager_person_removed AFTER DELETE ON identity_manager_person BEGIN
        DELETE FROM identity_manager_person_search WHERE person_id = old.id;
    END""",
    """INSERT INTO identity_manager_person_search (person_id, search_text)
        SELECT id, search_text FROM identity_manager_person""",
)
_SQLITE_REMOVE = (
    "DROP TRIGGER IF EXISTS identity_manager_person_added",
    "DROP TRIGGER IF EXISTS identity_manager_person_changed",
    "DROP TRIGGER IF EXISTS identity_manager_person_removed",
    "DROP TABLE IF EXISTS identity_manager_person_parts",
    "DROP TABLE IF EXISTS identity_manager_person_words",
    "DROP TABLE IF EXISTS identity_manager_person_search",
)
_POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    """CREATE INDEX IF NOT EXISTS identity_manager_person_search ON identity_manager_person
        USING gin (search_text gin_trgm_ops)""",
)
_POSTGRESQL_REMOVE = ("DROP INDEX IF EXISTS identity_manager_person_search",)


def install(connection: "BaseDatabaseWrapper") -> None:
    """Make the indexes of the search, and fill them from the persons that are there.

    On SQLite a later migration that alters Person makes its table anew, and the triggers are gone: it
    must end with this function. tests/identity_manager/test_person_search.py notices where it does not.
    """
    remove(connection)
    _execute(connection, _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL)


def remove(connection: "BaseDatabaseWrapper") -> None:
    """Take the indexes of the search away; the persons stay as they are."""
    _execute(connection, _SQLITE_REMOVE if connection.vendor == "sqlite" else _POSTGRESQL_REMOVE)


def _execute(connection: Any, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
