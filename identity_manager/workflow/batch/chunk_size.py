"""How much of a batch order is written at once, so that nobody notices who waits for the database."""

import time
from dataclasses import dataclass, field

from django.db import connection

from identity_manager.models import BatchOrder, BatchStretch

WORK_SECONDS = 20  # then others of the queue have their turn


@dataclass
class Pace:
    """How many persons at once: so many that a transaction takes TARGET, which nobody notices who waits.

    Where one writer keeps all others out (SQLite), those try again every 25 ms at the latest; so long, less
    what preparing took, the order rests between two transactions, or it would starve them.
    """

    TARGET = 0.05
    REST = 0.025
    LEAST = 10
    MOST = 100

    size: int = 20
    _released: float = field(default=0.0)

    def wrote(self, began: float) -> None:
        """A transaction that began then is over."""
        self._released = time.monotonic()
        took = max(self._released - began, 0.001)
        if self.size >= self.LEAST:
            # One that was quick by chance says little of the next: it grows slowly, and shrinks at once.
            fitting, grown = int(self.size * self.TARGET / took), self.size * 5 // 4
            self.size = max(self.LEAST, min(self.MOST, grown, fitting))

    @property
    def found(self) -> int | None:
        """What has turned out to be right; None where it goes one by one."""
        return self.size if self.size >= self.LEAST else None

    def rest(self) -> None:
        """Before the next transaction."""
        if not connection.features.has_select_for_update:
            time.sleep(max(0.0, self._released + self.REST - time.monotonic()))


def pace_of(row: BatchOrder | BatchStretch) -> Pace:
    """At which to begin: one by one after a fault, so that it is known whose it is."""
    kept = row.pace if isinstance(row, BatchStretch) else None
    return Pace(size=1 if row.last_error else kept or Pace.size)
