"""Errors of PostgreSQL that mean: another transaction is in the way, so try again.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

LOCK_CONFLICTS = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected


def is_lock_conflict(error: BaseException) -> bool:
    """Whether the server ended the statement because of another transaction's lock."""
    return getattr(error.__cause__, "sqlstate", "") in LOCK_CONFLICTS
