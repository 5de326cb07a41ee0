"""Measurement of the person search on SQLite: filters in the trigram index, or on what the words have found.

    python -m tests.performance.part filter_signs.measured '{"persons": 1000000}'

Prints the processor time of the first thousand hits
of each word and filter, both ways. About four minutes for a million persons.
"""

import sys
from collections.abc import Mapping
from typing import Any

from django.db.models import Count

from identity_manager.models import Person
from identity_manager.models.person_search import sqlite_fts
from identity_manager.models.person_search.query_words import words_of
from tests.performance import crowd
from tests.performance.timing import cpu_ms_of

WORDS = ("anna", "example.com", "li", "a")
ROUNDS = 3


def measured(persons: int) -> None:
    """Fill the table and print a line for each word and filter."""
    crowd.fill(persons)
    for text in WORDS:
        for equal in filters():
            in_index, after = (milliseconds(text, signs, equal) for signs in (equal, {}))
            said = ", ".join(f"{name} {value}" for name, value in equal.items())
            sys.stdout.write(f"{text}; {said}: {in_index:.1f} ms in the index, {after:.1f} ms after it\n")


def filters() -> list[dict[str, str]]:
    """The largest and the smallest department, and the rarest state, alone and in the largest department."""
    large, small = (_by_number("department", order) for order in ("-number", "number"))
    state = _by_number("state", "number")
    return [
        {"department": large},
        {"department": small},
        {"state": state},
        {"department": large, "state": state},
    ]


def _by_number(column: str, order: str) -> str:
    rows = Person.objects.exclude(**{column: ""}).values(column).annotate(number=Count("pk"))
    return str(rows.order_by(order).values_list(column, flat=True)[0])


def milliseconds(text: str, signs: Mapping[str, str], equal: Mapping[str, Any]) -> float:
    """The processor time of the fastest of some rounds."""
    found = Person.objects.filter(sqlite_fts.condition(words_of(text), signs), **equal)
    rows = found.values_list("pk", flat=True)[:1000]
    return min(cpu_ms_of(lambda: list(rows.all())) for _round in range(ROUNDS))
