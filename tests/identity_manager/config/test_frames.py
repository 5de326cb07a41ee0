"""No depth of the stack makes calls slow: the frames of pages and tasks lie in one piece of memory."""

import resource
from collections.abc import Callable
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from identity_manager import task_names
from identity_manager.config.runtime import frame_memory

CALLS = 500
DEPTHS = 200  # many times the frames of a piece


def most_pieces(depth: int = DEPTHS) -> int:
    """How often CALLS calls take memory (page faults), at the depth at which they do so most."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    list(map(returned, range(CALLS)))
    here = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return max(here, most_pieces(depth - 1)) if depth else here


def returned(number: int) -> int:
    """Its frame is larger than that of most_pieces, so there is a depth at which it does not fit."""
    return number


returned.__code__ = returned.__code__.replace(co_stacksize=200)


def test_without_it_some_depth_takes_a_piece_for_each_call() -> None:
    """So that the tests below look for what there is; a mended CPython (gh-142183) has none."""
    assert (most_pieces() < CALLS / 10) if frame_memory.IS_MENDED else (most_pieces() >= CALLS)


def test_with_it_no_depth_does() -> None:
    assert frame_memory.in_one_piece(most_pieces) < CALLS / 10


def test_pages_are_drawn_with_it() -> None:
    assert settings.MIDDLEWARE[0] == f"{frame_memory.OnePieceMiddleware.__module__}.OnePieceMiddleware"
    drawn: list[int] = []

    def page(_request: HttpRequest) -> HttpResponse:
        drawn.append(most_pieces())
        return HttpResponse("drawn")

    assert frame_memory.OnePieceMiddleware(page)(HttpRequest()).content == b"drawn"
    assert drawn[0] < CALLS / 10


def test_tasks_are_carried_out_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [each for name, each in current_app.tasks.items() if not name.startswith("celery.")]
    assert ours
    assert all(isinstance(each, frame_memory.OnePieceTask) for each in ours)
    task = current_app.tasks[task_names.SEND_MAIL]
    monkeypatch.setattr(task, "run", most_pieces)
    assert task.apply(args=[DEPTHS]).get() < CALLS / 10
    assert task(DEPTHS) < CALLS / 10


@pytest.mark.parametrize("trouble", [ValueError("x"), KeyError("y"), SystemExit(3)])
def test_trouble_passes_through(trouble: BaseException) -> None:
    def fails(**_named: Any) -> None:
        raise trouble

    with pytest.raises(type(trouble)) as raised:
        frame_memory.in_one_piece(fails, named=1)
    assert raised.value is trouble


def test_one_in_another_is_fine() -> None:
    call: Callable[..., int] = most_pieces
    assert frame_memory.in_one_piece(frame_memory.in_one_piece, call) < CALLS / 10
