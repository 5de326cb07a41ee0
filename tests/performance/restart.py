"""How long it takes from starting a prepared installation to its first page."""

from typing import Any

from tests.performance.installation import running
from tests.performance.timing import percentile


def measured(times: int) -> dict[str, Any]:
    """Seconds of each start; one more prepares the installation before them."""
    samples = [started() for _ in range(times + 1)][1:]
    return {"figures": {"restart_p95_s": percentile(samples, 95)}, "seconds": samples}


def started() -> float:
    with running() as seconds:
        return seconds
