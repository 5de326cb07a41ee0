"""Exception boundary around connectors: turns anything unexpected into CaError or InDoubtError."""

from collections.abc import Iterator
from contextlib import contextmanager

from ca_bridge.errors import CaError, InDoubtError


@contextmanager
def connector_edge() -> Iterator[None]:
    """Around calls that may have acted at the CA.

    Raises only CaError and InDoubtError; any other exception becomes InDoubtError, as the outcome is
    unknown.
    """
    try:
        yield
    except (CaError, InDoubtError):
        raise
    except Exception as error:
        raise InDoubtError(f"{type(error).__name__}: {error}") from error


@contextmanager
def repeatable_edge() -> Iterator[None]:
    """Around idempotent calls: any other exception becomes a transient CaError."""
    try:
        with connector_edge():
            yield
    except InDoubtError as error:
        raise CaError.garbled(str(error)) from error
