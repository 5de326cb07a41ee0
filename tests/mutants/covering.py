"""Which tests run which functions of the product: made once by a run of all tests, then kept in a file."""

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType

import pytest

CODE = ("identity_manager/", "ca_bridge/", "selfservice/")


class Recorder:
    """A plugin of pytest: notes each function that a test calls, with how long the test took."""

    def __init__(self, root: Path, file: Path) -> None:
        self._root, self._file = f"{root}/", file
        self._called: dict[int, CodeType] = {}  # by id: a code object's hash goes through all its constants
        self._names: dict[int, str] = {}
        self._tests: dict[str, list[str]] = defaultdict(list)
        self._seconds: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._called = {}
        threading.settrace(self._note)
        sys.settrace(self._note)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]  # as documented: none any more
            for code in self._called.values():
                if name := self._name(code):
                    self._tests[name].append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed:
            self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0) + report.duration

    def pytest_sessionfinish(self) -> None:
        content = {"tests": self._tests, "seconds": self._seconds}
        self._file.write_text(json.dumps(content), encoding="utf-8")

    def _note(self, frame: FrameType, event: str, arg: object) -> None:
        """Called when a function begins; without a value it is not told of the function's lines."""
        self._called[id(frame.f_code)] = frame.f_code

    def _name(self, code: CodeType) -> str:
        if id(code) not in self._names:
            path = code.co_filename.removeprefix(self._root)
            outer = code.co_qualname.partition(".<locals>")[0]
            self._names[id(code)] = f"{path}:{outer}" if path.startswith(CODE) else ""
        return self._names[id(code)]


class Covering:
    """The kept map."""

    def __init__(self, file: Path) -> None:
        content = json.loads(file.read_text(encoding="utf-8"))
        self._tests: dict[str, list[str]] = content["tests"]
        self._seconds: dict[str, float] = content["seconds"]
        self._breadth: dict[str, int] = defaultdict(int)
        for tests in self._tests.values():
            for test in set(tests):
                self._breadth[test] += 1

    def tests_of(self, path: str, function: str) -> list[str]:
        """The tests that run the function and are green: those that run little else come first."""
        found = {test for test in self._tests.get(f"{path}:{function}", ()) if test in self._seconds}
        return sorted(found, key=lambda test: (self._breadth[test] * (0.1 + self._seconds[test]), test))
