"""How much there is for an officer: what waits, and the figures of START.

Made into SQL once and kept: to make it took Django a sixth of each page, and half of START. What is kept is
that of one officer with the roles that they hold; only the moment is another each time. So what waits is
asked for with the clock as a value that is given later (Later), and nothing may be looked up while the SQL
is made: it would be kept, and be wrong soon.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection
from django.db.models import DateTimeField, Expression, QuerySet, prefetch_related_objects
from django.utils import timezone

from identity_manager.console.lists import counting as lists_counting
from identity_manager.models import Person

MOST = 400  # of 200 officers; then all is made anew
# A datetime, or a Later, with which querysets do the same.
Moment = Any
Value = TypeVar("Value")


class Kept(dict[tuple[object, ...], Value]):
    """What this process keeps for officers, by who asks for what (asked_by): MOST at once."""

    def keep(self, asked: tuple[object, ...], value: Value) -> None:
        if len(self) >= MOST:
            self.clear()
        self[asked] = value


_made: Kept[tuple[list[str], list[Any]]] = Kept()


class Later(Expression):
    """The moment at which is asked, or so long before it."""

    def __init__(self, before: timedelta = timedelta()) -> None:
        super().__init__(output_field=DateTimeField())
        self.before = before

    def __sub__(self, other: timedelta) -> "Later":  # type: ignore[override]  # of a moment
        return Later(self.before + other)

    def as_sql(self, *_: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def at(self, now: datetime) -> object:
        return self.output_field.get_db_prep_value(now - self.before, connection)


def numbers_of_rows(
    actor: Person, names: Sequence[str], lists: Callable[[Moment], Iterable[QuerySet[Any]]]
) -> list[int]:
    """How many rows each of the lists of this officer has, counted to one beyond COUNT_LIMIT.

    names: of the sources that the lists come from.
    """
    return lists_counting.fetch_counts(*counting(actor, names, lists), always=True)


def counting(
    actor: Person, names: Sequence[str], lists: Callable[[Moment], Iterable[QuerySet[Any]]]
) -> tuple[list[str], list[Any]]:
    """What asks for these numbers now, as counting.compile_counts makes it.

    names: all that the lists depend on, but for the officer, their offices and the moment.
    """
    prefetch_related_objects([actor], "roles")
    key = asked_by(actor, names)
    made = _made.get(key)  # asked once: another thread may make all anew meanwhile
    if made is None:
        with connection.execute_wrapper(refused):
            made = lists_counting.compile_counts(map(lists_counting.limited, lists(Later())))
        if asked_by(actor, names) == key:  # at midnight a role begins or ends
            _made.keep(key, made)
    parts, parameters = made
    now = timezone.now()
    return parts, [each.at(now) if isinstance(each, Later) else each for each in parameters]


def asked_by(actor: Person, names: Sequence[str]) -> tuple[object, ...]:
    """What decides which rows an officer reaches, and of what is asked."""
    offices = frozenset((held.role, held.organisational_unit) for held in actor.roles_in_force())
    return connection.vendor, actor.pk, actor.state, offices, tuple(names)


def refused(*_: Any) -> None:
    """What a connection is told while something is made that will be kept."""
    raise RuntimeError("What is kept for later was looked up now.")
