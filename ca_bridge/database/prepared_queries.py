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
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import MultipleObjectsReturned
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import sql
from django.db.transaction import TransactionManagementError

from ca_bridge.database import query_plans

Row = TypeVar("Row")
PAGE = 25  # as many rows as most pages have
FEW = 10  # rows are written by one statement; more by one that the driver repeats, all sent together


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
        return made.rows(given, connection)

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


class Among(Generic[Row]):
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


class Change:
    """An update that is made once and kept, of many rows by a condition.

    build: from a value for each name to the queryset, and what its columns are set to.
    """

    def __init__(self, build: Callable[..., tuple[Any, dict[str, Any]]], **opened: Any) -> None:
        self._build = build
        self._open = {name: _Open(name, field) for name, field in opened.items()}
        self._made: dict[str, tuple[str, Sequence[object]]] = {}

    def carry_out(self, **given: Any) -> int:
        """How many rows were changed."""
        connection = connections[DEFAULT_DB_ALIAS]
        if connection.vendor not in self._made:
            rows, changes = self._build(**self._open)
            query = rows.query.chain(sql.UpdateQuery)
            query.add_update_values(changes)
            made = query.get_compiler(connection=connection).as_sql()
            self._made[connection.vendor] = query_plans.with_constants(connection, made)
        text, parameters = self._made[connection.vendor]
        values: list[Any] = [
            each.of(given, connection) if isinstance(each, _Open) else each for each in parameters
        ]
        with (
            transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS),
            query_plans.kept(connection),
            connection.cursor() as cursor,
        ):
            cursor.execute(text, values)
            return int(cursor.rowcount)


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

    def rows(self, given: dict[str, Any], connection: BaseDatabaseWrapper) -> list[Any]:
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


class OneRow:
    """The row that has these values, as Django asks for it to save it: the update is made without a query."""

    def __init__(self, rows: Any, **values: Any) -> None:
        self.model: type[models.Model] = rows.model
        self._rows = rows
        self._values = values

    def filter(self, **values: Any) -> "OneRow":
        return OneRow(self._rows, **self._values, **values)

    def using(self, alias: str | None) -> "OneRow":
        return OneRow(self._rows.using(alias), **self._values)

    def exists(self) -> bool:
        return bool(self._rows.filter(**self._values).exists())

    def _update(self, changes: Collection[tuple["models.Field[Any, Any]", Any, Any]]) -> int:
        """How many rows were changed: one, or none where there is none of these values (any more)."""
        if _works_out(value for _field, _model, value in changes):
            return int(self._rows.filter(**self._values)._update(changes))
        connection = connections[self._rows.db]
        quote = connection.ops.quote_name
        conditions = [(self._field(name), value) for name, value in self._values.items()]
        assigned = ", ".join(f"{quote(str(field.column))} = %s" for field, _model, _value in changes)
        compared = " AND ".join(f"{quote(str(field.column))} = %s" for field, _value in conditions)
        table = quote(self.model._meta.db_table)
        statement = f"UPDATE {table} SET {assigned} WHERE {compared}"  # noqa: S608 names of the models alone
        parameters = [field.get_db_prep_save(value, connection) for field, _model, value in changes]
        parameters += [field.get_db_prep_value(value, connection) for field, value in conditions]
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return int(cursor.rowcount)

    def _field(self, name: str) -> Any:
        meta = self.model._meta
        return meta.pk if name == "pk" else meta.get_field(name)


@dataclass(frozen=True)
class Over:
    """What becomes of a row that is there already, which is known by `unique`: these fields are written.

    Without both it stays as it is, whatever it is known by.
    """

    unique: Sequence[str] = ()
    fields: Sequence[str] = ()


def insert(rows: Sequence[models.Model], *, over: Over | None = None) -> int:
    """What bulk_create does for rows of one model that have their keys already; many in a transaction alone.

    Returns how many were written. Without `over` a row that is there already is an IntegrityError.
    """
    if not rows:
        return 0
    model = type(rows[0])
    connection = connections[DEFAULT_DB_ALIAS]
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    values = [[field.pre_save(row, add=True) for field in fields] for row in rows]
    if any(map(_works_out, values)):
        return _left_to_django(model, rows, over)
    parameters = [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]
        for row in values
    ]
    few = len(rows) <= FEW
    statement = _insertion(model, fields, rows=len(rows) if few else 1, over=over)
    with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
        if few:
            cursor.execute(statement, list(chain.from_iterable(parameters)))
        else:
            cursor.executemany(statement, parameters)
        written = int(cursor.rowcount)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return written


def _insertion(
    model: type[models.Model], fields: Sequence["models.Field[Any, Any]"], *, rows: int, over: Over | None
) -> str:
    """The SQL that adds so many rows at once; ON CONFLICT as PostgreSQL and SQLite both say it."""
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    named = {field.name: quote(str(field.column)) for field in fields}
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * rows)
    table = quote(model._meta.db_table)
    statement = f"INSERT INTO {table} ({', '.join(named.values())}) VALUES {places}"  # noqa: S608 names of the models alone
    if over is None:
        return statement
    if not over.fields:
        return f"{statement} ON CONFLICT DO NOTHING"
    known_by = ", ".join(named[name] for name in over.unique)
    assigned = ", ".join(f"{named[name]} = EXCLUDED.{named[name]}" for name in over.fields)
    return f"{statement} ON CONFLICT ({known_by}) DO UPDATE SET {assigned}"


def _left_to_django(model: type[models.Model], rows: Sequence[models.Model], over: Over | None) -> int:
    options: dict[str, Any] = {}
    if over is not None:
        if not over.fields:
            raise TypeError("Django does not say which rows it has written.")
        options = {"update_conflicts": True, "unique_fields": over.unique, "update_fields": over.fields}
    return len(model._base_manager.bulk_create(rows, **options))


def _works_out(values: Iterable[object]) -> bool:
    """Whether the database works one of them out itself, so that Django has to say how."""
    return any(hasattr(value, "resolve_expression") for value in values)
