"""Which tests run which functions: recorded by a run of the tests, kept in a file, renewed file by file."""

import builtins
import json
from collections import defaultdict
from collections.abc import Generator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.memory import Functions
from tests.mutants.mutations import with_notes

NOTE = "__note_a_call__"
SHARED = ("class", "module")  # scopes of fixtures that run in the first of their tests alone


class Recorder:
    """A plugin of pytest: notes which functions each test calls, and how long the test takes.

    Each function gets a first statement that notes its name. A trace function would be told of the calls in
    all libraries, too, and takes thirty times as long.
    """

    def __init__(self, modules: Sequence[Path], root: Path, file: Path) -> None:
        self._modules, self._root, self._file = modules, root, file
        self._called: set[str] = set()
        self._called_in: dict[int, set[str]] = {}  # by id of a fixture's definition
        self._calls: dict[str, set[str]] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        self._failed: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        functions = Functions(self._modules, self._root)
        setattr(builtins, NOTE, self._called.add)
        for path in self._modules:
            functions.replace(path, with_notes(path, self._root, NOTE))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._called.clear()
        try:
            return (yield)
        finally:
            information: Any = getattr(item, "_fixtureinfo", None)
            definitions = chain(*information.name2fixturedefs.values()) if information else ()
            shared = [self._called_in.get(id(each), set()) for each in definitions]
            self._calls[item.nodeid] = self._called.union(*shared)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        """What a fixture of a module calls is called for each of its tests."""
        if fixturedef.scope not in SHARED:
            return (yield)
        before = set(self._called)
        self._called.clear()
        try:
            return (yield)
        finally:
            self._called_in[id(fixturedef)] = set(self._called)
            self._called.update(before)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        covering = Covering(self._file)
        ran = {test.partition("::")[0] for test in self._calls}
        covering.forget(ran)
        for test, functions in self._calls.items():
            if test not in self._failed:
                covering.add(test, self._seconds[test], functions)
        covering.save()


class Covering:
    """The kept map: of each test its seconds and the functions that it calls."""

    def __init__(self, file: Path) -> None:
        self._file = file
        content = json.loads(file.read_text("utf-8")) if file.exists() else {"functions": [], "tests": {}}
        self._number: dict[str, int] = {name: number for number, name in enumerate(content["functions"])}
        self._tests: dict[str, tuple[float, list[int]]] = content["tests"]

    def add(self, test: str, seconds: float, functions: set[str]) -> None:
        numbers = [self._number.setdefault(name, len(self._number)) for name in sorted(functions)]
        self._tests[test] = (round(seconds, 3), numbers)

    def forget(self, files: set[str]) -> None:
        """Forget the tests of these files."""
        for test in [test for test in self._tests if test.partition("::")[0] in files]:
            del self._tests[test]

    def save(self) -> None:
        content = {"functions": list(self._number), "tests": self._tests}
        self._file.write_text(json.dumps(content), encoding="utf-8")

    def tests_of(self, path: str, function: str) -> list[str]:
        """The tests that run the function: quick ones that run little else come first."""
        number = self._number.get(f"{path}:{function}")
        found = {test: kept for test, kept in self._tests.items() if number in kept[1]}
        return sorted(found, key=lambda test: (len(found[test][1]) * (0.1 + found[test][0]), test))
