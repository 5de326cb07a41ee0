"""Results of doctor checks: severity, meaning, remedy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """warning: works, but not for long or not as intended. failed: does not work."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """One line of the doctor. says and remedy never hold a secret."""

    level: Level
    says: str
    remedy: str = ""


def ok(says: str) -> CheckResult:
    return CheckResult(Level.OK, says)


def warning(says: str, remedy: str) -> CheckResult:
    return CheckResult(Level.WARNING, says, remedy)


def failed(says: str, remedy: str) -> CheckResult:
    return CheckResult(Level.FAILED, says, remedy)


@dataclass(frozen=True)
class Check:
    """look yields at least one result; it may raise DatabaseError and OSError."""

    name: str
    look: Callable[[], Iterator[CheckResult]]
