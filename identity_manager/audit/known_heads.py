"""Heads of the audit log, which a verification compares the chain with: stored ones, and exported ones."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from identity_manager.models import AuditHead


@dataclass(frozen=True)
class KnownHead:
    """A head from the database or from an export."""

    statement: dict[str, Any]
    signature: str
    outside: bool = False

    @property
    def number(self) -> int:
        return int(self.statement["number"])

    @property
    def described(self) -> str:
        """Name of the head in a sentence of a finding."""
        place = "a head from outside" if self.outside else "the head"
        return f"{place}, of #{self.number} signed {self.statement['signed_at'][:19]}Z,"


class UnreadableHeads(Exception):  # noqa: N818 says what the file is
    """A file of heads is malformed; the text names the line."""


def read_heads(lines: Iterable[str]) -> list[KnownHead]:
    """Parse exported heads; a syslog prefix is skipped up to the first brace."""
    found = []
    for place, line in enumerate(lines, start=1):
        start = line.find("{")
        if start < 0:
            continue
        try:
            head = json.loads(line[start:])
            found.append(KnownHead(head["statement"], head["signature"], outside=True))
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableHeads(f"Line {place} is no head.") from error
    return found


def stored(*, beyond: int, up_to: int | None = None) -> Iterator[KnownHead]:
    """The heads of the database after an event, and at most of another."""
    heads = AuditHead.objects.beyond(beyond)
    for head in heads.filter(number__lte=up_to) if up_to is not None else heads:
        yield KnownHead(head.statement, head.signature)
