"""Adaptive chunk size of batch orders, so that transactions stay short."""

import time
from dataclasses import dataclass, field

from django.db import connection

from identity_manager.models import BatchOrder, BatchShard

WORK_SECONDS = 20  # per task, then other tasks of the queue run


@dataclass
class ChunkSize:
    """Chunk size such that a transaction takes TARGET.

    With a single writer (SQLite) others retry every 25 ms at the latest; the order rests that long
    between transactions, less the preparation time, so that they do not starve.
    """

    TARGET = 0.05
    REST = 0.025
    LEAST = 10
    MOST = 100

    size: int = 20
    _released: float = field(default=0.0)

    def wrote(self, began: float) -> None:
        """Adjust the size after a transaction that began at that time."""
        self._released = time.monotonic()
        took = max(self._released - began, 0.001)
        if self.size >= self.LEAST:
            # Grow slowly, shrink at once: a single fast transaction says little about the next.
            fitting, grown = int(self.size * self.TARGET / took), self.size * 5 // 4
            self.size = max(self.LEAST, min(self.MOST, grown, fitting))

    @property
    def found(self) -> int | None:
        """The size found; None while persons go one by one."""
        return self.size if self.size >= self.LEAST else None

    def rest(self) -> None:
        """Pause before the next transaction."""
        if not connection.features.has_select_for_update:
            time.sleep(max(0.0, self._released + self.REST - time.monotonic()))


def chunk_size_of(row: BatchOrder | BatchShard) -> ChunkSize:
    """Initial size: 1 after a fault, to find the person who causes it."""
    kept = row.pace if isinstance(row, BatchShard) else None
    return ChunkSize(size=1 if row.last_error else kept or ChunkSize.size)
