"""Clock skew of this process against the database's clock."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def read() -> tuple[datetime, float | None]:
    """The database's time, and the seconds that the local clock is ahead of it (negative: behind).

    None on SQLite, which runs on the local clock.
    """
    if connection.vendor == "sqlite":
        return timezone.now(), None
    with connection.cursor() as cursor:  # opens the connection before the time is taken
        asked = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    here = asked + (timezone.now() - asked) / 2
    return there, (here - there).total_seconds()
