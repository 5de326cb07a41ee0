"""The FTS5 trigram index of person search on SQLite.

Each word is indexed with two marks before it, so that the beginning of a word is a trigram as well and one
table serves both kinds of match. Values of filters (state, department, unit) are indexed as one trigram each,
a hash: words and filters are intersected in the index, instead of reading everybody who has the words
(measured with a million persons, a word that all have and a department of fifty: 0.5 ms instead of 1,631, by
python -m tests.performance.part filter_signs.measured).

The index is joined, not queried in a subquery: SQLite then streams the hits and stops at the LIMIT (measured
with a million persons and a word that all of them have: 0.5 ms for the first thousand instead of 2,000).
"""

from collections.abc import Mapping

from django.db.models import Q

from identity_manager.models.person_search.query_words import Word
from identity_manager.models.person_search.text import BETWEEN_WORDS, TRIGRAM, apart, is_whole

# No text has these: control characters and private ones are refused in names, and separate words of a query.
MARKS = "\x02\x02"
FILTER_SIGN = "\x03"
_PRIVATE, _NUMBERS = 0xE000, 4096
_COLUMNS = {"state": "s", "department": "d", "organisational_unit": "u"}


# --- What is asked ---------------------------------------------------------------------------------
def condition(words: list[Word], equal: Mapping[str, str]) -> Q:
    """Persons with all of the words, and perhaps these values: the hash of another value may be equal.

    A word without a trigram (one or two characters that match anywhere) scans all texts.
    """
    found, phrases = Q(), []
    for spellings in words:
        if len(spellings) > 1:
            phrases.append(f"({' OR '.join(_phrase(_marked(each)) for each in spellings)})")
            continue
        (word,) = spellings
        marked = _marked(word)
        if len(marked) < TRIGRAM:
            found &= Q(search_text__contains=word)
            continue
        beginnings = _beginnings(word)
        phrases += map(_phrase, beginnings or [marked])
        if beginnings:
            found &= Q(search_row__search_text__contains=marked)
    if not phrases:
        return found
    phrases += [_phrase(signs_of(column, value)) for column, value in equal.items() if column in _COLUMNS]
    return found & Q(search_row__part__search_text__matches=" AND ".join(phrases))


def _marked(word: str) -> str:
    """The word as the index has it; where only beginnings are looked for, with the marks before it."""
    whole = is_whole(word)
    text = word if whole else apart(word)
    marked = "".join(f"{symbol}{MARKS}" if symbol in BETWEEN_WORDS else symbol for symbol in text)
    marked = marked.removesuffix(MARKS)
    return marked if whole or marked[0] in BETWEEN_WORDS else MARKS + marked


def _beginnings(word: str) -> list[str]:
    """Of a word that the index has in several: the beginning of each.

    Between them stand a space and the marks, which the index has so often that to look for them takes long.
    """
    parts = apart(word).split()
    if is_whole(word) or len(parts) == 1:
        return []
    return [(MARKS + part)[:TRIGRAM] for part in parts if part[0] not in BETWEEN_WORDS]


def _phrase(text: str) -> str:
    """The text as a string of the FTS5 query language (https://sqlite.org/fts5.html, 3.1)."""
    return '"' + text.replace('"', '""') + '"'


def signs_of(column: str, value: str) -> str:
    """The trigram that is indexed for a value of a filter: a hash, so other values may have the same."""
    first, middle, last = ord(value[0]), ord(value[len(value) // 2]), ord(value[-1])
    number = (first * 31 + middle * 37 + last * 41 + len(value)) % _NUMBERS
    return FILTER_SIGN + _COLUMNS[column] + chr(_PRIVATE + number)


# --- What is indexed -------------------------------------------------------------------------------
def _text_by_sqlite(row: str) -> str:
    """SQL that gives the text of a person with marks before its words, and the signs of the filters.

    row: what stands before the columns, such as "new.".
    """
    text = f"{row}search_text"
    for symbol in sorted(BETWEEN_WORDS):
        sign = f"char({ord(symbol)})"
        text = f"replace({text}, {sign}, {sign} || char(2, 2))"
    return " || ".join(["char(2, 2)", text, *(_signs_by_sqlite(f"{row}{each}", each) for each in _COLUMNS)])


def _signs_by_sqlite(value: str, column: str) -> str:
    """SQL form of signs_of(); empty for an empty value."""
    middle = f"unicode(substr({value}, length({value}) / 2 + 1, 1))"
    number = f"unicode({value}) * 31 + {middle} * 37 + unicode(substr({value}, -1)) * 41 + length({value})"
    signs = f"char({ord(FILTER_SIGN)}, {ord(_COLUMNS[column])}, {_PRIVATE} + ({number}) % {_NUMBERS})"
    return f"CASE WHEN {value} = '' THEN '' ELSE {signs} END"


# FTS5 needs stable integer row ids, and the implicit rowid of a table with another primary key changes at
# VACUUM. So a separate table has them, and triggers maintain it and the index over it.
INSTALL = (
    """CREATE TABLE identity_manager_person_search (
        id integer PRIMARY KEY, person_id char(32) NOT NULL UNIQUE, search_text text NOT NULL)""",
    """CREATE VIRTUAL TABLE identity_manager_person_parts USING fts5(search_text,
        content='identity_manager_person_search', content_rowid='id', tokenize='trigram case_sensitive 1')""",
    f"""INSERT INTO identity_manager_person_search (person_id, search_text)
        SELECT id, {_text_by_sqlite("")} FROM identity_manager_person""",  # noqa: S608 our own
    """INSERT INTO identity_manager_person_parts (identity_manager_person_parts) VALUES ('rebuild')""",
    """CREATE TRIGGER identity_manager_person_search_added
        AFTER INSERT ON identity_manager_person_search BEGIN
        INSERT INTO identity_manager_person_parts (rowid, search_text) VALUES (new.id, new.search_text);
    END""",
    """CREATE TRIGGER identity_manager_person_search_removed
        AFTER DELETE ON identity_manager_person_search BEGIN
        INSERT INTO identity_manager_person_parts (identity_manager_person_parts, rowid, search_text)
            VALUES ('delete', old.id, old.search_text);
    END""",
    f"""CREATE TRIGGER identity_manager_person_added AFTER INSERT ON identity_manager_person BEGIN
        INSERT INTO identity_manager_person_search (person_id, search_text)
            VALUES (new.id, {_text_by_sqlite("new.")});
    END""",  # noqa: S608 our own
    f"""CREATE TRIGGER identity_manager_person_changed
        AFTER UPDATE OF {", ".join(("search_text", *_COLUMNS))} ON identity_manager_person
        WHEN {" OR ".join(f"new.{each} <> old.{each}" for each in ("search_text", *_COLUMNS))} BEGIN
        DELETE FROM identity_manager_person_search WHERE person_id = old.id;
        INSERT INTO identity_manager_person_search (person_id, search_text)
            VALUES (new.id, {_text_by_sqlite("new.")});
    END""",  # noqa: S608 our own
    """CREATE TRIGGER identity_manager_person_removed AFTER DELETE ON identity_manager_person BEGIN
        DELETE FROM identity_manager_person_search WHERE person_id = old.id;
    END""",
)
REMOVE = (
    "DROP TRIGGER IF EXISTS identity_manager_person_added",
    "DROP TRIGGER IF EXISTS identity_manager_person_changed",
    "DROP TRIGGER IF EXISTS identity_manager_person_removed",
    "DROP TABLE IF EXISTS identity_manager_person_parts",
    "DROP TABLE IF EXISTS identity_manager_person_words",  # until 0019
    "DROP TABLE IF EXISTS identity_manager_person_search",
)
FORGET = (
    """INSERT INTO identity_manager_person_parts (identity_manager_person_parts) VALUES ('optimize')""",
)
