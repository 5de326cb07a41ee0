"""The driver of the faults: kills processes, empties the broker, takes the database away, and gives it back.

It runs beside the travellers until it is told to stop; then it puts everything in its place again.
"""

import random
import threading
from collections.abc import Callable, Sequence

from tests.chaos.databases import Database
from tests.chaos.faults import DRIVER, Schedule
from tests.chaos.processes import Fleet, Process

PAUSE = (1.0, 4.0)  # seconds between two faults
AWAY = (0.2, 3.0)  # seconds until what was taken is given back


class Driver(threading.Thread):
    """Takes one fault after the other from the schedule. pauses: times as long as usual between two."""

    def __init__(
        self, fleet: Fleet, database: Database, schedule: Schedule, *, seed: int, pauses: float = 1
    ) -> None:
        super().__init__(name="driver")
        self._fleet = fleet
        self._database = database
        self._schedule = schedule
        self._pause = tuple(pauses * seconds for seconds in PAUSE)
        self._chance = random.Random(seed)  # noqa: S311 faults, no secrets
        self._done = threading.Event()
        self._faults: dict[str, Callable[[], None]] = {
            "kill -9 worker process": lambda: self._kill(fleet.workers),
            "kill -9 worker's child": lambda: self._kill_child(fleet.workers[:-1]),
            "kill -9 worker's parent alone": lambda: self._kill_parent(fleet.workers[:-1]),
            "kill -9 web process": lambda: self._kill(fleet.webs),
            "kill -9 web's child": lambda: self._kill_child(fleet.webs),
            "kill -9 beat": lambda: self._kill(fleet.beats),
            "kill -9 broker": lambda: self._kill([fleet.broker]),
            "kill -9 mail server": lambda: self._kill([fleet.mail_server]),
            "flush broker": fleet.flush_broker,
            "stop database": lambda: self._database.stop(self._chance.uniform(*AWAY)),
        }
        self.trouble: BaseException | None = None

    def run(self) -> None:
        """What nobody expected is kept for who stops the driver."""
        try:
            while not self._done.wait(self._chance.uniform(*self._pause)):
                self._faults[self._schedule.take(DRIVER)]()
                self._fleet.start()  # what ended by itself, too, for want of a database say
        except BaseException as trouble:  # noqa: BLE001 a thread: it is raised in stop()
            self.trouble = trouble

    def stop(self) -> None:
        """No fault after this one; everything runs again."""
        self._done.set()
        self.join()
        self._schedule.calm_down()
        self._fleet.start()
        if self.trouble is not None:
            raise self.trouble

    def _kill(self, processes: Sequence[Process]) -> None:
        self._chance.choice(processes).kill()
        self._done.wait(self._chance.uniform(*AWAY))

    def _kill_child(self, processes: Sequence[Process]) -> None:
        """Where a process has no child just now, it is killed itself."""
        process = self._chance.choice(processes)
        if not process.kill_child():
            process.kill()

    def _kill_parent(self, processes: Sequence[Process]) -> None:
        """Its children live on until they notice; the next one is started beside them."""
        self._chance.choice(processes).kill_parent()
        self._done.wait(self._chance.uniform(*AWAY))
