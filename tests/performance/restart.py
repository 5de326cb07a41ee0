"""How long it takes from starting a prepared installation to its first page."""

from typing import Any

from tests.performance.installation import running
from tests.performance.timing import percentile


def measured(times: int) -> dict[str, Any]:
    """Seconds of each start; one more prepares the installation before them."""
    samples = []
    for _each in range(times + 1):
        with running() as seconds:
            samples.append(seconds)
    return {"figures": {"restart_p95_s": percentile(samples[1:], 95)}, "seconds": samples[1:]}
