"""What a page asks for of each of its rows, made into SQL once for as many keys as a page has rows."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db import models
from django.db.models import QuerySet

from ca_bridge.statements import Statement

Row = TypeVar("Row")
AT_ONCE = 25  # as many as most pages have rows
_NAMES = [f"key{place}" for place in range(AT_ONCE)]


class RowsByKey(Generic[Row]):
    """A Statement over keys. build: from a list of them to the queryset; field: what they are keys of.

    It is always asked for the same number of keys, so that its SQL is the same: the last one is said again.
    """

    def __init__(
        self, build: Callable[[list[Any]], "QuerySet[Any, Any]"], field: "models.Field[Any, Any]"
    ) -> None:
        self._statement = Statement[Row](
            lambda **keys: build([*keys.values()]), **dict.fromkeys(_NAMES, field)
        )

    def rows(self, keys: Sequence[uuid.UUID]) -> list[Row]:
        """What there is of these, each AT_ONCE of them in the queryset's order."""
        found: list[Row] = []
        for first in range(0, len(keys), AT_ONCE):
            some = [*keys[first : first + AT_ONCE]]
            some += some[-1:] * (AT_ONCE - len(some))
            found += self._statement.rows(**dict(zip(_NAMES, some, strict=True)))
        return found
