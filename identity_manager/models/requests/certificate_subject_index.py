"""The pg_trgm index on certificate subjects (PostgreSQL).

Django compiles `subject__icontains` to `UPPER(subject) LIKE UPPER(...)`, so that expression is indexed.
SQLite scans subjects until a thousand match.
"""

from typing import Any

NAME = "certificate_subject_parts"


def install(connection: Any) -> None:
    """Create it concurrently, outside any transaction; an invalid one of an interrupted try is dropped."""
    if connection.vendor == "postgresql":
        remove(connection)
        _create(connection, "CONCURRENTLY")


def install_on_new_table(connection: Any) -> None:
    """Create it in the transaction that creates the table, after the extension pg_trgm."""
    if connection.vendor == "postgresql":
        _create(connection, "")


def _create(connection: Any, how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE INDEX {how} {NAME} ON identity_manager_certificate
                USING gin (UPPER(subject::text) gin_trgm_ops)"""
        )


def remove(connection: Any) -> None:
    """Drop it concurrently."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
