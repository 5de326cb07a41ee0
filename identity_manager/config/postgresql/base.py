"""PostgreSQL as Django speaks to it, with a pool that gets over a restart of the server at once.

After a restart each idle connection of the pool is dead. The pool's own check finds one after the other and
sleeps before each next one, twice as long as before: with four of them a page waits in vain.
"""

from typing import Any

from django.db.backends.postgresql import base
from psycopg import Error
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Where one connection of the pool is dead, all are looked at before the next one is taken."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if self.pool is None or _lives(connection):
            return connection
        self.pool.putconn(connection)  # which makes a new one in its place
        self.pool.check()
        return super().get_new_connection(conn_params)


def _lives(connection: Any) -> bool:
    """One empty statement, as the pool's own check."""
    try:
        ConnectionPool.check_connection(connection)
    except Error:
        return False
    return True
