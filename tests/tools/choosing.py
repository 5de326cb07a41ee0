"""Which files a run reads (pytest -m): those alone that may have a test which its marks choose.

On PostgreSQL a fifteenth of all tests runs, in the long form a tenth, and each process of a run would import
and collect them all. What marks a file may have stands in it, in a conftest.py above it, or in a
module of the tests that it imports: a test with any other mark ends the run.
"""

import functools
import re
from collections.abc import Iterator
from itertools import chain, combinations
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = frozenset(
    {"database", "long", "nightly", "long_on_postgresql", "nightly_on_postgresql", "nightly_on_sqlite"}
)
MARK = re.compile(r"\bmark\.(\w+)")
IMPORT = re.compile(r"^from (tests[\w.]*) import (\([^)]*\)|[^(\n]+)", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is named on the command line, pytest reads without asking."""
    if not config.option.markexpr:
        return None
    files = collection_path.rglob("test_*.py") if collection_path.is_dir() else [collection_path]
    return not any(may_choose(config.option.markexpr, marks_of(file)) for file in files) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before any of them is deselected."""
    for item in items:
        unseen = {mark.name for mark in item.iter_markers()} & OURS - marks_of(item.path)
        if unseen:
            raise pytest.UsageError(f"{item.nodeid}: where does it have its marks from? {', '.join(unseen)}")


@functools.cache
def may_choose(expression: str, marks: frozenset[str]) -> bool:
    """Whether it may choose a test that has some of the marks, of ours no other one."""
    compiled = Expression.compile(expression)
    free = sorted(compiled.idents() & marks | compiled.idents() - OURS)
    choices = chain.from_iterable(combinations(free, size) for size in range(len(free) + 1))
    return any(compiled.evaluate(functools.partial(_is_one, chosen)) for chosen in choices)


def _is_one(chosen: tuple[str, ...], name: str, /, **_arguments: object) -> bool:
    return name in chosen


@functools.cache
def marks_of(file: Path) -> frozenset[str]:
    """All of ours that its tests may have."""
    reached: set[Path] = set()
    waiting = [file, *(folder / "conftest.py" for folder in file.parents)]
    marks: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            own, imported = _read(path)
            marks |= own
            waiting += imported
    return frozenset(marks)


@functools.cache
def _read(path: Path) -> tuple[frozenset[str], tuple[Path, ...]]:
    """The marks that stand in it, and the modules of the tests that it imports."""
    text = path.read_text(encoding="utf-8") if path.suffix == ".py" and path.is_file() else ""
    return OURS & set(MARK.findall(text)), tuple(_imported(text))


def _imported(text: str) -> Iterator[Path]:
    for package, names in IMPORT.findall(text):
        place = ROOT.joinpath(*package.split("."))
        yield place.with_suffix(".py")
        yield from (place / f"{name}.py" for name in re.findall(r"\w+", names))
