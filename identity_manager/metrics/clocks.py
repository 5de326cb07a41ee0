"""The clock of the database, by which those of all processes can be compared."""

from datetime import datetime

from django.db import connection
from django.utils import timezone


def read() -> tuple[datetime, float | None]:
    """The time at the database, and by how many seconds the clock here is ahead of it; less than 0: behind.

    None where the database is SQLite: it is on this machine, and its clock is this one.
    """
    if connection.vendor == "sqlite":
        return timezone.now(), None
    with connection.cursor() as cursor:  # connects, before the time is taken
        asked = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    here = asked + (timezone.now() - asked) / 2
    return there, (here - there).total_seconds()
