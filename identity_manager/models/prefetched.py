"""What is known of a row already, so that nobody asks the database for it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import models


def set_prefetched(row: models.Model, name: str, related: list[Any]) -> None:
    """Take these, all that the row has, for row.<name>.all(), as if they had been prefetched."""
    known = getattr(row, name).all()
    known._result_cache = related
    known._prefetch_done = True  # as Django's own prefetching does
    row.__dict__.setdefault("_prefetched_objects_cache", {})[name] = known


def prefetched_or_all(row: models.Model, name: str) -> Iterable[Any]:
    """What row.<name>.all() has. Where that is known, no manager is made for it, as Django does each time."""
    known: Iterable[Any] | None = row.__dict__.get("_prefetched_objects_cache", {}).get(name)
    return getattr(row, name).all() if known is None else known


def distribute_prefetched(rows: Iterable[Any], name: str, found: Iterable[Any], back: str) -> None:
    """Have each of the rows know what is its own of what was found."""
    own = defaultdict(list)
    for each in found:
        own[getattr(each, f"{back}_id")].append(each)
    for row in rows:
        set_prefetched_reverse(row, name, own[row.pk], back)


def set_prefetched_reverse(row: Any, name: str, found: list[Any], back: str) -> None:
    """Have the row know what was found, and that know the row, as Django's prefetching does."""
    for each in found:
        setattr(each, back, row)
    set_prefetched(row, name, found)
