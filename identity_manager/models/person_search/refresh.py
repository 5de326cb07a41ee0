"""Rewrite stale search texts: composed by an older release, before or during an upgrade."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from identity_manager.models.person_search.matching import text_of

CHUNK = 500
_FIELDS = ("surname", "given_name", "display_name", "personnel_number", "email", "department", "search_text")


def refresh(persons: QuerySet[Any], keys: Sequence[Any]) -> int:
    """Rewrite the stale texts of these persons; return how many.

    Compare-and-swap: a text that was saved meanwhile stays, because that save composed it. updated_at stays,
    too, because nothing about the person has changed.
    """
    stale = [row for row in persons.filter(pk__in=keys).only(*_FIELDS) if row.search_text != text_of(row)]
    with transaction.atomic(using=persons.db):
        return sum(
            persons.filter(pk=row.pk, search_text=row.search_text).update(search_text=text_of(row))
            for row in stale
        )


def refresh_all(persons: QuerySet[Any]) -> int:
    """Rewrite all stale texts in chunks, so that no lock is held for long; return how many."""
    keys, last, done = persons.order_by("pk").values_list("pk", flat=True), None, 0
    while chunk := list((keys.filter(pk__gt=last) if last else keys)[:CHUNK]):
        last = chunk[-1]
        done += refresh(persons, chunk)
    return done
