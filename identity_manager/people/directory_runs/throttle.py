"""Rests between the chunks of a directory run, so that pages are answered as quickly as without one.

A run is read and written by one worker, but on PostgreSQL each of its statements occupies a second process,
which has the weight of those that answer pages. Nobody waits for a run.
"""

import time

SHARE = 0.2  # of the time that a chunk took: a run takes a fifth longer, and leaves a sixth of it to others
LONGEST_SECONDS = 1.0


class Throttle:
    """One run's rests. The time of its first chunk counts from here."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def rest(self) -> None:
        """Sleep after a chunk, for a share of the time since the last rest. Not inside a transaction."""
        took = time.monotonic() - self._since
        time.sleep(min(took * SHARE, LONGEST_SECONDS))
        self._since = time.monotonic()
