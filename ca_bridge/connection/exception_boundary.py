"""The one edge to connectors: what they were written to raise crosses it, and all else as doubt."""

from collections.abc import Iterator
from contextlib import contextmanager

from ca_bridge.errors import CaError, InDoubtError


@contextmanager
def connector_edge() -> Iterator[None]:
    """Around each call of a connector whose CA may have done something, or said nothing that is understood.

    Raises CaError and InDoubtError alone: whatever else broke, nobody knows what the CA has done.
    """
    try:
        yield
    except (CaError, InDoubtError):
        raise
    except Exception as error:
        raise InDoubtError(f"{type(error).__name__}: {error}") from error


@contextmanager
def repeatable_edge() -> Iterator[None]:
    """The same around what can be asked again without harm: doubt is a fault that passes, a CaError."""
    try:
        with connector_edge():
            yield
    except InDoubtError as error:
        raise CaError.garbled(str(error)) from error
