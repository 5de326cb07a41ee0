"""Everything that is recorded while a test drives the product, as sinks by name."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.sinks import places, wire
from tests.sinks.caught import Caught
from tests.sinks.places import Place, Places
from tests.sinks.recording import EXCHANGES, FAULTS, LogLines
from tests.sinks.wire import Wire


@dataclass
class Watched:
    """The recorders, and the sinks by name."""

    logs: LogLines
    programs: list[str]
    wire: Wire
    caught: Caught
    messages: list[Place] = field(default_factory=list)

    def work(self) -> None:
        """The worker does what waits."""
        self.messages += wire.work(self.wire)

    def sinks(self) -> dict[str, Iterator[Place]]:
        """Each sink that must hold no secret at all, ready to be read."""
        return {
            "mails": places.mails(),
            "logs": self._log_lines(),
            "addresses": ((str(each), f"{each.url}\n{each.referrer}".encode()) for each in EXCHANGES),
            "headers": ((str(each), each.headers.encode()) for each in EXCHANGES),
            "sessions": places.sessions(),
            "messages": iter(self.messages),
            "broker": self.wire.places(),
            "audit events": places.audit_events(),
            "audit exports": places.audit_exports(),
            "programs": ((f"program {n}", each.encode()) for n, each in enumerate(self.programs)),
            "cache": places.cache_rows(),
            "database": places.database_rows(),
            "exceptions": (place for fault in FAULTS for place in places.told_by(fault)),
        }

    def _log_lines(self) -> Iterator[Place]:
        lines = ((f"log line {n}", line.encode(errors="replace")) for n, line in enumerate(self.logs.lines))
        return _without_repetition(lines)

    @staticmethod
    def answers() -> Iterator[Place]:
        """What each answer says that no earlier one did. One of them may hold a passphrase."""
        return _without_repetition((str(each), each.body) for each in EXCHANGES)


def _without_repetition(texts: Places) -> Iterator[Place]:
    """Each text without the lines that an earlier one had: pages are alike, and so are tracebacks."""
    known: set[bytes] = set()
    for where, text in texts:
        lines = text.splitlines()
        yield where, b"\n".join(line for line in lines if line not in known)
        known.update(lines)
