"""Advisory locks (PostgreSQL): serialise acts that share no row, until the transaction ends.

On SQLite the IMMEDIATE transaction of each verb excludes other writers.
"""

from django.db import connection


def imports() -> None:
    """Serialise imports of persons and runs of directories, which the breaker counts together."""
    _take("identity_manager.imports")


def breaker_of_orders() -> None:
    """Serialise starts of batch orders that their breaker counts."""
    _take("identity_manager.batch_breaker")


def _take(name: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
