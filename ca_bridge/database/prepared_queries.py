"""Prepared queries: querysets whose SQL is compiled once and cached.

Django compiles SQL each time a queryset is evaluated, which takes longer than the database needs for a row.
A Statement is a queryset with parameters: its SQL is compiled at the first call, and each call binds values.
It returns the same rows as the queryset. A value is never None, which SQL compares by IS NULL, and
prefetch_related is refused.

This uses undocumented internals of Django's compiler. With PLAIN_QUERIES in the settings every query is an
ordinary queryset instead; `make test-all` runs the tests like that, too.

    IN_STATE = Statement(lambda state: Order.objects.filter(state=state), state=models.CharField())
    IN_STATE.rows(state="open")
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import MultipleObjectsReturned
from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from ca_bridge.database import query_plans

Row = TypeVar("Row")
PAGES = (25, 50, 100)  # as many rows as pages have


class _Parameter(models.Expression):
    """A placeholder for a value that is bound at each call."""

    def __init__(self, name: str, field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, *_: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def of(self, given: dict[str, Any], connection: BaseDatabaseWrapper) -> object:
        value = given[self.name]
        return self.output_field.get_db_prep_value(value, connection)


class Statement(Generic[Row]):
    """A prepared query. build: makes the queryset from a value per name. opened: field of each value."""

    def __init__(self, build: Callable[..., Any], **opened: "models.Field[Any, Any]") -> None:
        self._build = build
        self._open = {name: _Parameter(name, field) for name, field in opened.items()}
        self._made: dict[str, CompiledQuery] = {}

    def rows(self, **given: Any) -> list[Row]:
        """All rows, in the queryset's order. Raises TypeError for a missing, unknown or None value."""
        if given.keys() != self._open.keys() or any(value is None for value in given.values()):
            raise TypeError(f"This statement wants {', '.join(self._open) or 'no value'}, none of them None.")
        if settings.PLAIN_QUERIES:
            return [*self._build(**given)]
        connection = connections[DEFAULT_DB_ALIAS]
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = CompiledQuery(self._build(**self._open), connection)
        return made.rows(given)

    def get(self, **given: Any) -> Row:
        """The only row. Raises the model's DoesNotExist, or MultipleObjectsReturned."""
        rows = self.rows(**given)
        if not rows:
            model = self._build(**self._open).model
            raise model.DoesNotExist(f"There is no such {model.__name__}.")
        if len(rows) > 1:
            raise MultipleObjectsReturned(f"There are {len(rows)}.")
        return rows[0]

    def first(self, **given: Any) -> Row | None:
        """The first row, or None. It fetches all rows: limit the queryset in `build`."""
        rows = self.rows(**given)
        return rows[0] if rows else None


class ForKeys(Generic[Row]):
    """A prepared `IN (...)` query, such as for the keys of a page: one statement for each of the sizes.

    build: makes the queryset from the values. kind: the field of each value. Values are filled up to the next
    size by repeating the last one, so that the SQL is always the same.
    """

    def __init__(
        self,
        build: Callable[[list[Any]], Any],
        kind: "models.Field[Any, Any]",
        *,
        sizes: Sequence[int] = PAGES,
    ) -> None:
        self._build = build
        self._statements = {size: self._prepared(kind, size) for size in sizes}

    def rows(self, values: Iterable[object]) -> list[Row]:
        """The rows, in the queryset's order. For more than the largest size the SQL is compiled anew."""
        asked = [*dict.fromkeys(values)]
        if not asked:
            return []
        size = next((size for size in self._statements if size >= len(asked)), None)
        if size is None or settings.PLAIN_QUERIES:
            return [*self._build(asked)]
        asked += asked[-1:] * (size - len(asked))
        return self._statements[size].rows(**{_name(place): value for place, value in enumerate(asked)})

    def in_bulk(self, keys: Iterable[object]) -> dict[Any, Row]:
        """The rows of a model by their primary keys, as QuerySet.in_bulk."""
        rows: list[Any] = self.rows(keys)
        return {row.pk: row for row in rows}

    def _prepared(self, kind: "models.Field[Any, Any]", size: int) -> Statement[Row]:
        names = map(_name, range(size))
        return Statement(lambda **opened: self._build([*opened.values()]), **dict.fromkeys(names, kind))


def _name(place: int) -> str:
    return f"value{place}"


class CompiledQuery:
    """The compiled SQL of a queryset for one database vendor. Immutable, so all threads share it."""

    def __init__(self, queryset: Any, connection: BaseDatabaseWrapper) -> None:
        if queryset._prefetch_related_lookups:
            raise TypeError("A statement is one query.")
        self._queryset = queryset
        self._compiler = queryset.query.get_compiler(connection=connection)
        self._sql, self._parameters = query_plans.with_constants(connection, self._compiler.as_sql())
        columns = [column for column, *_rest in self._compiler.select[: self._compiler.col_count]]
        # The cached compiler gets a copy of the connection that is never opened: the present one belongs to
        # this thread.
        self._compiler.connection = connection.copy()
        self._converters = self._compiler.get_converters(columns)
        self._locks = queryset.query.select_for_update and connection.features.has_select_for_update

    def rows(self, given: dict[str, Any]) -> list[Any]:
        connection = connections[
            DEFAULT_DB_ALIAS if self._locks else router.db_for_read(self._queryset.model)
        ]
        if self._locks and connection.get_autocommit():  # Django checks it when it compiles SQL, so not again
            raise TransactionManagementError("Rows are locked in a transaction alone.")
        parameters = [
            each.of(given, connection) if isinstance(each, _Parameter) else each for each in self._parameters
        ]
        asked = _copied(self._compiler)
        asked.connection = connection
        asked.as_sql = lambda: (self._sql, parameters)
        asked.get_converters = lambda _columns: self._converters
        with query_plans.kept(connection):
            return [*self._queryset._iterable_class(_PreparedQuerySet(self._queryset, asked))]


def _copied(original: Any) -> Any:
    """As copy.copy() in a third of its time, of an object that is its attributes alone."""
    made = object.__new__(type(original))
    made.__dict__.update(original.__dict__)
    return made


class _PreparedQuerySet:
    """The part of a queryset that Django's row iterables (ModelIterable, ...) use, with the cached SQL."""

    def __init__(self, queryset: Any, compiler: Any) -> None:
        self._queryset = queryset
        self.query = _copied(queryset.query)
        self.query.get_compiler = lambda *_args, **_named: compiler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queryset, name)
