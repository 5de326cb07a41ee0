"""PostgreSQL as Django speaks to it, with plans that are kept, and a pool that gets over a restart at once.

After a restart each idle connection of the pool is dead. The pool's own check finds one after the other and
sleeps before each next one, twice as long as before: with four of them a page waits in vain.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db.backends.postgresql import base
from psycopg import ClientCursor, Error
from psycopg.pq import ExecStatus

PLACES = re.compile("(%s|%%)")  # of a value, and of a percent sign


class DatabaseWrapper(base.DatabaseWrapper):
    """Where one connection of the pool is dead, all are looked at before the next one is taken."""

    _keeps_plans = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if self.pool is None or _lives(connection):
            return connection
        self.pool.putconn(connection)  # which makes a new one in its place
        self.pool.check()
        return super().get_new_connection(conn_params)

    @contextmanager
    def keeping_plans(self) -> Iterator[None]:
        """What is asked meanwhile is prepared, once it was asked as often as `prepare_threshold` says."""
        before, self._keeps_plans = self._keeps_plans, True
        try:
            yield
        finally:
            self._keeps_plans = before

    def with_constants(self, sql: str, parameters: Sequence[Any], is_constant: Callable[[Any], bool]) -> str:
        """The SQL with the constant ones of the values written into it; the places of the others stay."""
        values = iter(parameters)
        with self.cursor() as cursor:
            client = ClientCursor(cursor.connection)

            def written(value: Any) -> str:
                return client.mogrify("%s", [value]).replace("%", "%%") if is_constant(value) else "%s"

            return "".join(written(next(values)) if part == "%s" else part for part in PLACES.split(sql))

    def create_cursor(self, name: str | None = None) -> Any:
        """Only values that stand beside the SQL leave it the same each time."""
        connection = self.connection
        if not self._keeps_plans or connection.prepare_threshold is None:
            return super().create_cursor(name)
        otherwise, connection.cursor_factory = connection.cursor_factory, base.ServerBindingCursor
        try:
            return super().create_cursor(name)
        finally:
            connection.cursor_factory = otherwise


def _lives(connection: Any) -> bool:
    """One empty statement, as the pool's own check, straight to the library: each page begins with it."""
    try:
        answer = connection.pgconn.exec_(b"")
    except Error:
        return False
    return bool(answer.status == ExecStatus.EMPTY_QUERY)
