"""Prefetch caches: fill a related manager's cache from rows that are loaded already."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import models


def set_prefetched(row: models.Model, name: str, related: list[Any]) -> None:
    """Store `related` as the complete result of row.<name>.all(), as prefetch_related does."""
    known = getattr(row, name).all()
    known._result_cache = related
    known._prefetch_done = True  # as django.db.models.query.prefetch_one_level
    row.__dict__.setdefault("_prefetched_objects_cache", {})[name] = known


def prefetched_or_all(row: models.Model, name: str) -> Iterable[Any]:
    """The prefetched rows, or row.<name>.all(). Skips making a manager where they are prefetched."""
    known: Iterable[Any] | None = row.__dict__.get("_prefetched_objects_cache", {}).get(name)
    return getattr(row, name).all() if known is None else known


def distribute_prefetched(rows: Iterable[Any], name: str, found: Iterable[Any], back: str) -> None:
    """Store each found row in the prefetch cache of the row that its foreign key `back` names."""
    own = defaultdict(list)
    for each in found:
        own[getattr(each, f"{back}_id")].append(each)
    for row in rows:
        set_prefetched_reverse(row, name, own[row.pk], back)


def set_prefetched_reverse(row: Any, name: str, found: list[Any], back: str) -> None:
    """Store the found rows in the row's prefetch cache and set their foreign key `back` to it."""
    for each in found:
        setattr(each, back, row)
    set_prefetched(row, name, found)
