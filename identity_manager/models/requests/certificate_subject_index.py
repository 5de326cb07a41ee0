"""PostgreSQL's index of what certificates say of their subjects: every three neighbouring signs of it.

Django asks `UPPER(subject) LIKE UPPER(...)` for `subject__icontains`, so that is what is indexed. SQLite
reads the subjects instead, as far as the first thousand that fit.
"""

from typing import Any

NAME = "certificate_subject_parts"


def install(connection: Any) -> None:
    """Make it beside the writers, outside any transaction; one that broke off is dropped before."""
    if connection.vendor != "postgresql":
        return
    remove(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE INDEX CONCURRENTLY {NAME} ON identity_manager_certificate
                USING gin (UPPER(subject::text) gin_trgm_ops)"""
        )


def remove(connection: Any) -> None:
    """Take it away, beside the writers; the certificates stay as they are."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
