"""Work around CPython issue gh-142183: calls that cross the end of a stack chunk are slow.

CPython keeps the frames of a thread in chunks of 16 KiB and unmaps an empty chunk at once (Python/pystate.c,
push_chunk). A call that just crosses the end of a chunk maps a new one each time, and takes a hundred times
longer. Which calls do depends on the depth of the stack: it was the rows of our lists, and their pages took
twice the time (docs/decisions/0023). CPython 3.13.13, 3.14.4 and 3.15 keep one empty chunk per thread; there
nothing is done here. Remove this module once those are the oldest supported versions.
"""

import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from celery import Task
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# Of eight bytes each. CPython rounds up to a power of two, 1 MiB; half of it is left for what is called.
SLOTS = 65_536

# CPython's versions that keep an empty chunk.
IS_MENDED = sys.version_info >= (3, 14, 4) or (3, 13, 13) <= sys.version_info < (3, 14)

Given = ParamSpec("Given")
Result = TypeVar("Result")


def in_one_piece(call: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """Call a function with a chunk large enough for some hundred nested frames.

    The frame of this function itself is large, so CPython maps a large chunk for it, whose rest serves the
    calls below. The operating system allocates only touched pages.
    """
    return call(*given, **named)


if not IS_MENDED:
    in_one_piece.__code__ = in_one_piece.__code__.replace(co_stacksize=SLOTS)


class OnePieceMiddleware:
    """Outermost middleware: pages are rendered about eighty calls deep."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return in_one_piece(self.get_response, request)


class OnePieceTask(Task):  # type: ignore[type-arg]  # takes none when it runs
    """Base class of all our Celery tasks."""

    Request = "identity_manager.config.broker.acknowledgement:NotedRequest"

    def __call__(self, *given: Any, **named: Any) -> Any:
        return in_one_piece(self.run, *given, **named)
