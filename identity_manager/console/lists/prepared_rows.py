"""The rows of an officer's lists by their keys, whose SQL is kept: to make it took longer than to ask.

It is kept for one officer with the roles that they hold, as how much waits for them is (kept_counts), and
nothing may be looked up while it is made. What it brings is asked for anew each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet, prefetch_related_objects

from identity_manager.console.lists import pagination, prepared_counts
from identity_manager.models import Person
from identity_manager.queries.rows_by_keys import RowsByKeys

_made: prepared_counts.Kept[RowsByKeys] = prepared_counts.Kept()


@dataclass(frozen=True)
class KeptRows:
    """name: of the list.  reached: what of it this officer reaches, with what its rows show."""

    name: str
    actor: Person
    reached: Callable[[Person], QuerySet[Any]]
    at_once: int = pagination.PAGE_SIZE

    def in_bulk(self, keys: Sequence[Any]) -> dict[Any, Any]:
        """As a queryset's: by their keys."""
        prefetch_related_objects([self.actor], "roles")
        asked_by = prepared_counts.asked_by(self.actor, [self.name])
        made = _made.get(asked_by)
        return made.in_bulk(keys) if made else self._made_now(keys, asked_by)

    def _made_now(self, keys: Sequence[Any], asked_by: tuple[object, ...]) -> dict[Any, Any]:
        """The SQL is made when its rows are first asked for: theirs is the only query meanwhile."""
        with connection.execute_wrapper(prepared_counts.refused):
            made = RowsByKeys(self.reached(self.actor), at_once=self.at_once)
        with connection.execute_wrapper(_Once()):
            found = made.in_bulk(keys)
        is_made = 0 < len(keys) <= self.at_once
        # At midnight a role begins or ends.
        if is_made and prepared_counts.asked_by(self.actor, [self.name]) == asked_by:
            _made.keep(asked_by, made)
        return found


class _Once:
    """Lets one query through, and refuses whatever else is looked up."""

    def __init__(self) -> None:
        self._asked = False

    def __call__(self, execute: Callable[..., Any], *asked: Any) -> Any:
        if self._asked:
            prepared_counts.refused()
        self._asked = True
        return execute(*asked)
