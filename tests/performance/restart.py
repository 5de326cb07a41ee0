"""How long it takes from starting a prepared installation to its first page."""

from tests.performance.installation import running


def measured(times: int) -> dict[str, list[float]]:
    """Seconds of each start; one more prepares the installation before them."""
    return {"seconds": [started() for _ in range(times + 1)][1:]}


def started() -> float:
    with running() as seconds:
        return seconds
