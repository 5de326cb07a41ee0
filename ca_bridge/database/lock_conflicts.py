"""Lock conflicts of PostgreSQL (lock timeout, deadlock): the transaction can be retried.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

LOCK_CONFLICTS = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected


def is_lock_conflict(error: BaseException) -> bool:
    """Whether the server cancelled the statement because of another transaction's lock."""
    return getattr(error.__cause__, "sqlstate", "") in LOCK_CONFLICTS
