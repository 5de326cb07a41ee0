"""Django's PostgreSQL backend with prepared statements on demand, and a pool that survives a server restart.

After a restart all idle connections of the pool are dead. The pool's own check finds them one by one, with an
exponentially growing sleep in between: with four of them a page times out.
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
    """Backend that, when one pooled connection is dead, checks all idle ones before it takes the next."""

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
        """Context in which queries are prepared after `prepare_threshold` executions."""
        before, self._keeps_plans = self._keeps_plans, True
        try:
            yield
        finally:
            self._keeps_plans = before

    def with_constants(self, sql: str, parameters: Sequence[Any], is_constant: Callable[[Any], bool]) -> str:
        """Inline the constant parameters as literals; placeholders of the others stay."""
        values = iter(parameters)
        with self.cursor() as cursor:
            client = ClientCursor(cursor.connection)

            def written(value: Any) -> str:
                return client.mogrify("%s", [value]).replace("%", "%%") if is_constant(value) else "%s"

            return "".join(written(next(values)) if part == "%s" else part for part in PLACES.split(sql))

    def create_cursor(self, name: str | None = None) -> Any:
        """Server-side binding while plans are kept, so that the SQL text is equal at each call."""
        connection = self.connection
        if not self._keeps_plans or connection.prepare_threshold is None:
            return super().create_cursor(name)
        otherwise, connection.cursor_factory = connection.cursor_factory, base.ServerBindingCursor
        try:
            return super().create_cursor(name)
        finally:
            connection.cursor_factory = otherwise


def _lives(connection: Any) -> bool:
    """Check a connection with an empty statement, by libpq directly, as each page begins with it."""
    try:
        answer = connection.pgconn.exec_(b"")
    except Error:
        return False
    return bool(answer.status == ExecStatus.EMPTY_QUERY)
