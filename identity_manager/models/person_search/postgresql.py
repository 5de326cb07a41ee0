"""The pg_trgm indexes of person search: of all persons, and of a random 1/8 that is searched first.

A GIN index returns every matching row before the first is read: a hundred thousand, where a thousand are
wanted. The partial index over the persons whose key ends below 32 finds those of a common word; only a rare
word is looked up among the others, too. Measured again with a million persons: without it, two letters take
twice as long, and the slowest twentieth of the searches a quarter longer (decision 30). FTS5 on SQLite
streams its hits and needs no such index.

State, department and organisational unit are columns of both indexes (btree_gin), so that words and filters
are looked up together. A btree index over names finds an exact name, however many rows have its words.
"""

from typing import Any, TypeVar

from django.db import connections, models

ALL, FIRST, NAMES = "person_by_words", "person_by_words_first", "person_by_full_name"
_Persons = TypeVar("_Persons", bound="models.QuerySet[Any]")
# The last byte of a key is random.
_FIRST, _OTHERS = ("< 32", ">= 32")
_KEY_ENDS = "GET_BYTE(UUID_SEND(id), 15)"
_COLUMNS = "gin (search_text gin_trgm_ops, state, department, organisational_unit)"
_EXTENSIONS = tuple(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in ("pg_trgm", "btree_gin"))
_INDEXES = (
    f"{ALL} ON identity_manager_person USING {_COLUMNS}",
    f"{FIRST} ON identity_manager_person USING {_COLUMNS} WHERE {_KEY_ENDS} {_FIRST}",
)
# Prefixes of names, however the database sorts text (NameOrder in name_order says the same expression).
_NAMES = f"{NAMES} ON identity_manager_person (SUBSTR(search_text, 1, 64) text_pattern_ops)"
# Statistics on the expression. Without them the planner estimates the eighth as a third of all persons, and
# scans the table for a query of one letter.
_STATISTICS = f"CREATE STATISTICS IF NOT EXISTS {FIRST} ON ({_KEY_ENDS}) FROM identity_manager_person"
_UNTIL_0044 = ("identity_manager_person_search", "identity_manager_person_search_first")
INSTALL = (*_EXTENSIONS, *(f"CREATE INDEX {index}" for index in (*_INDEXES, _NAMES)), _STATISTICS)
REMOVE = (
    *(f"DROP INDEX IF EXISTS {name}" for name in (ALL, FIRST, NAMES, *_UNTIL_0044)),
    f"DROP STATISTICS IF EXISTS {FIRST}",
)


class _KeyEnds(models.Func):
    """SQL condition on the key's last octet, with literals: it must equal that of the partial index."""

    template = "GET_BYTE(UUID_SEND(%(expressions)s), 15) %(which)s"
    output_field = models.BooleanField()


def first_and_others(persons: _Persons) -> list[_Persons]:
    """The persons in two parts, to be searched in turn: the sampled eighth, the others; on SQLite in one."""
    if connections[persons.db].vendor != "postgresql":
        return [persons]
    return [persons.filter(_KeyEnds("id", which=which)) for which in (_FIRST, _OTHERS)]


def install_online(connection: Any) -> None:
    """Create the indexes concurrently, outside any transaction; drop an invalid one of a failed try before.

    Former indexes are dropped last, so that searches have an index all the time.
    """
    with connection.cursor() as cursor:
        for name in (ALL, FIRST):
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        for statement in _EXTENSIONS:
            cursor.execute(statement)
        for index in _INDEXES:
            cursor.execute(f"CREATE INDEX CONCURRENTLY {index}")
        cursor.execute(_STATISTICS)
        cursor.execute("ANALYZE identity_manager_person")
        for name in _UNTIL_0044:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def install_names_online(connection: Any) -> None:
    """Create the index of full names concurrently, outside any transaction; again after a failed try."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAMES}")
        cursor.execute(f"CREATE INDEX CONCURRENTLY {_NAMES}")
