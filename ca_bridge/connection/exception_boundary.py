"""Exception boundary around connectors: turns anything unexpected into CaError or InDoubtError."""

from collections.abc import Iterator
from contextlib import contextmanager

from ca_bridge.errors import CaError, InDoubtError

# Exceptions that end whoever calls the bridge, such as a time limit: they pass, as a crash would, and the
# attempt stays in the journal without an outcome.
INTERRUPTIONS: list[type[Exception]] = []


@contextmanager
def connector_edge() -> Iterator[None]:
    """Around calls that may have acted at the CA.

    Raises only CaError, InDoubtError and INTERRUPTIONS; any other exception becomes InDoubtError, as the
    outcome is unknown.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, (CaError, InDoubtError, *INTERRUPTIONS)):
            raise
        raise InDoubtError(f"{type(error).__name__}: {error}") from error


@contextmanager
def repeatable_edge() -> Iterator[None]:
    """Around idempotent calls: any other exception becomes a transient CaError."""
    try:
        with connector_edge():
            yield
    except InDoubtError as error:
        raise CaError.garbled(str(error)) from error
