"""The schedule of faults: made once from a seed, read by every process, each entry taken by one of them.

A place (the CA's `issue`, the mail server's DATA, the driver's kills) has a list of its own. Who comes to a
place takes the next entry, whichever process it is; what was injected is noted, so that the end can count it.
When the file `calm` is there, nothing goes wrong any more.
"""

import fcntl
import json
import random
from collections import Counter
from pathlib import Path

NONE = ""
DRIVER = "driver"
LENGTH = 2_000  # entries of each place; then they begin anew
# Of each place: what happens how often, in weights. "" is that all goes well.
WEIGHTS: dict[str, dict[str, int]] = {
    "ca.issue": {
        NONE: 68,
        "answers late": 6,
        "answers after the lease": 1,
        "fails": 8,
        "no answer, not issued": 5,
        "issued, the answer is lost": 6,
        "issues after the caller gave up": 3,
        "refuses for good": 3,
    },
    "ca.find": {NONE: 65, "fails": 25, "no answer": 10},
    "ca.revoke": {NONE: 70, "fails": 20, "revoked, the answer is lost": 10},
    "mail.rcpt": {NONE: 92, "451 try later": 4, "550 no such mailbox": 2, "421 and closes": 2},
    "mail.data": {
        NONE: 84,
        "452 no space": 4,
        "554 refused": 2,
        "taken, the answer is lost": 5,
        "taken, the answer is late": 3,
        "closes in the middle": 2,
    },
    DRIVER: {
        "kill -9 worker process": 5,
        "kill -9 worker's child": 5,
        "kill -9 worker's parent alone": 2,
        "kill -9 web process": 3,
        "kill -9 web's child": 3,
        "kill -9 beat": 3,
        "kill -9 broker": 3,
        "kill -9 mail server": 2,
        "flush broker": 3,
        "stop database": 3,
    },
}


class Schedule:
    """The schedule in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def make(self, seed: int) -> None:
        """Write the schedule of this seed: the same seed, the same entries.

        The driver does each of its things once before chance decides: a run of minutes would leave some out.
        """
        chance = random.Random(seed)  # noqa: S311 faults, no secrets
        entries = {
            place: chance.choices(list(weights), list(weights.values()), k=LENGTH)
            for place, weights in WEIGHTS.items()
        }
        each = list(WEIGHTS[DRIVER])
        chance.shuffle(each)
        entries[DRIVER][: len(each)] = each
        (self.directory / "schedule.json").write_text(json.dumps(entries), encoding="utf-8")

    def take(self, place: str) -> str:
        """The next fault of a place, noted; empty when all goes well."""
        if self.is_calm():
            return NONE
        fault = self._next(place)
        if fault:
            self.note(place, fault)
        return fault

    def note(self, place: str, fault: str) -> None:
        """Write down that it was injected. Before it is done: who injects may be killed."""
        with (self.directory / "injected").open("a", encoding="utf-8") as stream:
            stream.write(f"{place}\t{fault}\n")

    def note_search(self, order: str) -> None:
        """Write down that somebody looks for this order at its CA."""
        (self.directory / f"searched-{order}").touch()

    def was_searched(self, order: str) -> bool:
        return (self.directory / f"searched-{order}").exists()

    def injected(self) -> Counter[tuple[str, str]]:
        """How often each fault was injected."""
        path = self.directory / "injected"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        pairs = (line.split("\t", 1) for line in lines if "\t" in line)
        return Counter((place, fault) for place, fault in pairs)

    def calm_down(self) -> None:
        """From now on nothing goes wrong."""
        (self.directory / "calm").touch()

    def is_calm(self) -> bool:
        return (self.directory / "calm").exists()

    def _next(self, place: str) -> str:
        with (self.directory / f"next-{place}").open("a+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            number = int(stream.read() or 0)
            stream.truncate(0)
            stream.write(str(number + 1))
        entries: list[str] = json.loads((self.directory / "schedule.json").read_text(encoding="utf-8"))[place]
        return entries[number % len(entries)]


def table(injected: Counter[tuple[str, str]]) -> str:
    """What was injected, a line each, in the order of WEIGHTS."""
    order = [(place, fault) for place, faults in WEIGHTS.items() for fault in faults if fault]
    lines = [f"{'at':<10} {'fault':<34} {'injected':>8}"]
    lines += [f"{place:<10} {fault:<34} {injected[place, fault]:>8}" for place, fault in order]
    return "\n".join([*lines, f"{'':<10} {'together':<34} {injected.total():>8}"])
