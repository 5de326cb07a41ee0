"""Prepared queries: querysets whose SQL is compiled once and kept.

Django compiles SQL anew each time a queryset is evaluated, which takes longer than the database needs for a
row. A Statement is a queryset with parameters: its SQL is compiled at the first call, and each call gives
the values. The rows are those that the queryset would have brought. A value is never None, which SQL compares
in another way, and nothing is prefetched by further queries.

It reaches into the undocumented insides of Django's compiler. With PLAIN_QUERIES in the settings every query
is an ordinary queryset instead; `make test-all` runs so.

    IN_STATE = Statement(lambda state: Order.objects.filter(state=state), state=models.CharField())
    IN_STATE.rows(state="open")
"""

import copy
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import MultipleObjectsReturned
from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from ca_bridge.database import query_plans

Row = TypeVar("Row")
PAGE = 25  # as many rows as most pages have


class _Open(models.Expression):
    """A value that is given when the statement is asked."""

    def __init__(self, name: str, field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, *_: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def of(self, given: dict[str, Any], connection: BaseDatabaseWrapper) -> object:
        value = given[self.name]
        return self.output_field.get_db_prep_value(value, connection)


class Statement(Generic[Row]):
    """build: from a value for each name to the queryset; opened: of which kind each value is."""

    def __init__(self, build: Callable[..., Any], **opened: "models.Field[Any, Any]") -> None:
        self._build = build
        self._open = {name: _Open(name, field) for name, field in opened.items()}
        self._made: dict[str, _Made] = {}

    def rows(self, **given: Any) -> list[Row]:
        """What there is, in the queryset's order. Raises TypeError where a value is missing or too many."""
        if given.keys() != self._open.keys() or any(value is None for value in given.values()):
            raise TypeError(f"This statement wants {', '.join(self._open) or 'no value'}, none of them None.")
        if settings.PLAIN_QUERIES:
            return [*self._build(**given)]
        connection = connections[DEFAULT_DB_ALIAS]
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = _Made(self._build(**self._open), connection)
        return made.rows(given)

    def get(self, **given: Any) -> Row:
        """The only one. Raises the model's DoesNotExist, or MultipleObjectsReturned."""
        rows = self.rows(**given)
        if not rows:
            model = self._build(**self._open).model
            raise model.DoesNotExist(f"There is no such {model.__name__}.")
        if len(rows) > 1:
            raise MultipleObjectsReturned(f"There are {len(rows)}.")
        return rows[0]

    def first(self, **given: Any) -> Row | None:
        """The first of them, where there is one; whoever builds the queryset says how many it may find."""
        rows = self.rows(**given)
        return rows[0] if rows else None


class ForKeys(Generic[Row]):
    """The rows for some values, such as the keys of a page: a statement for `at_once` of them.

    build: from the values to the queryset; kind: of which kind each is. It is always asked for the same
    number of values, so that its SQL is the same: the last one is said again.
    """

    def __init__(
        self, build: Callable[[list[Any]], Any], kind: "models.Field[Any, Any]", *, at_once: int = PAGE
    ) -> None:
        self._build = build
        self._names = [f"value{place}" for place in range(at_once)]
        self._statement = Statement[Row](
            lambda **opened: build([*opened.values()]), **dict.fromkeys(self._names, kind)
        )

    def rows(self, values: Iterable[object]) -> list[Row]:
        """The rows, in the queryset's order. For more than `at_once` values the SQL is compiled anew."""
        asked = [*dict.fromkeys(values)]
        if not asked:
            return []
        if len(asked) > len(self._names) or settings.PLAIN_QUERIES:
            return [*self._build(asked)]
        asked += asked[-1:] * (len(self._names) - len(asked))
        return self._statement.rows(**dict(zip(self._names, asked, strict=True)))


class _Made:
    """A queryset as SQL of one kind of database. No thread changes it, so all may use it."""

    def __init__(self, queryset: Any, connection: BaseDatabaseWrapper) -> None:
        if queryset._prefetch_related_lookups:
            raise TypeError("A statement is one query.")
        self._queryset = queryset
        self._compiler = queryset.query.get_compiler(connection=connection)
        self._sql, self._parameters = query_plans.with_constants(connection, self._compiler.as_sql())
        columns = [column for column, *_rest in self._compiler.select[: self._compiler.col_count]]
        # What is kept has a connection that is never opened: this one belongs to a thread that will end.
        self._compiler.connection = connection.copy()
        self._converters = self._compiler.get_converters(columns)
        self._locks = queryset.query.select_for_update and connection.features.has_select_for_update

    def rows(self, given: dict[str, Any]) -> list[Any]:
        connection = connections[
            DEFAULT_DB_ALIAS if self._locks else router.db_for_read(self._queryset.model)
        ]
        if self._locks and connection.get_autocommit():  # Django looks when it makes the SQL
            raise TransactionManagementError("Rows are locked in a transaction alone.")
        parameters = [
            each.of(given, connection) if isinstance(each, _Open) else each for each in self._parameters
        ]
        asked: Any = copy.copy(self._compiler)
        asked.connection = connection
        asked.as_sql = lambda: (self._sql, parameters)
        asked.get_converters = lambda _columns: self._converters
        with query_plans.kept(connection):
            return [*self._queryset._iterable_class(_Asked(self._queryset, asked))]


class _Asked:
    """What Django's makers of rows want to know of a queryset."""

    def __init__(self, queryset: Any, compiler: Any) -> None:
        self._queryset = queryset
        self.query = copy.copy(queryset.query)
        self.query.get_compiler = lambda *_args, **_named: compiler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queryset, name)
