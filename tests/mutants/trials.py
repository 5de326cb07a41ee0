"""Tries mutants out: each in a fork of a process that has Django, the database and all tests in memory.

The fault is put into the function in memory, so no file is touched and nothing is started anew.
"""

import gc
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from django.db import connection, connections

from tests.mutants.covering import Covering
from tests.mutants.mutations import Mutant, mutated

SURVIVED, KILLED, BROKEN = 0, 1, 2
POLL = 0.02


class Trials:
    """A plugin of pytest: in place of the tests it runs the mutants, and keeps what has survived."""

    def __init__(
        self, mutants: Sequence[Mutant], covering: Covering, root: Path, *, limit: float, until: float
    ) -> None:
        self._mutants, self._covering, self._root = mutants, covering, root
        self._limit, self._until = limit, until
        self.outcomes: list[tuple[Mutant, str]] = []
        self._tells: int | None = None  # in a fork: where it says which test has failed
        self._sound: dict[str, bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        first = next(item for item in session.items if "django_db_setup" in getattr(item, "fixturenames", ()))
        # What lives for the whole session is made here, once; a next test of another file keeps it alive.
        other = next(item for item in session.items if item.path != first.path)
        first.config.hook.pytest_runtest_protocol(item=first, nextitem=other)
        for mutant in self._mutants:
            if time.monotonic() > self._until:
                break
            names = self._covering.tests_of(mutant.path, mutant.function)
            outcome = self._tried(mutant, [items[name] for name in names if name in items])
            self.outcomes.append((mutant, outcome))
            sys.stdout.write(f"{outcome:9} {mutant}\n")
            sys.stdout.flush()
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._tells is not None and report.failed:
            os.write(self._tells, report.nodeid.encode())
            os._exit(KILLED)

    def _tried(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        """A test that fails here without the fault, too, is left out."""
        items = [item for item in items if self._sound.get(item.nodeid, True)]
        if not items:
            return "untested"
        outcome, failed = self._forked(mutant, items)
        if outcome == "killed" and not failed:
            return "broken"
        if outcome == "killed" and failed not in self._sound:
            alone = [item for item in items if item.nodeid == failed]
            self._sound[failed] = self._forked(None, alone)[0] == "SURVIVED"
        return self._tried(mutant, items) if not self._sound.get(failed, True) else outcome

    def _forked(self, mutant: Mutant | None, items: list[pytest.Item]) -> tuple[str, str]:
        """What came of it, and the test that failed."""
        connections.close_all()
        told, self._tells = os.pipe()
        child = os.fork()
        if not child:
            _child(mutant, items, self._root)
        os.close(self._tells)
        self._tells = None
        outcome = _outcome(child, self._limit)
        with os.fdopen(told, "rb") as failed:
            return outcome, failed.read().decode()


def _child(mutant: Mutant | None, items: list[pytest.Item], root: Path) -> None:
    """Never returns: ends the process with what came of the mutant."""
    try:
        os.setsid()
        _silence()
        _own_database()
        if mutant and not put_in(mutant, root):
            os._exit(BROKEN)
        items[0].session._setupstate.teardown_exact(items[0])  # the packages of what ran before
        for item, following in zip(items, [*items[1:], items[-1]], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        os._exit(SURVIVED)
    except BaseException:  # noqa: BLE001 whatever it is, the fault was noticed
        os._exit(KILLED)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(nowhere, stream)


def _own_database() -> None:
    """A copy for this process alone."""
    place = Path(str(connection.settings_dict["NAME"]))
    copy = place.with_name(f"mutant-{os.getpid()}.sqlite3")
    shutil.copyfile(place, copy)
    connection.settings_dict["NAME"] = str(copy)


def put_in(mutant: Mutant, root: Path) -> bool:
    """Give the function the code of the mutant; False where nothing in memory has the function."""
    path = str(root / mutant.path)
    new = _code(compile(mutated(mutant, root), path, "exec"), mutant.function)
    gc.unfreeze()  # what the tests' conftest has frozen is not listed
    functions = [
        each
        for each in gc.get_objects()
        if type(each) is FunctionType  # isinstance would evaluate lazy objects
        and each.__code__.co_filename == path
        and each.__code__.co_qualname == mutant.function
    ]
    for each in functions:
        each.__code__ = new
    return bool(functions)


def _code(module: CodeType, function: str) -> CodeType:
    return next(code for code in _codes(module) if code.co_qualname == function)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _outcome(child: int, limit: float) -> str:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            return {SURVIVED: "SURVIVED", BROKEN: "untested"}.get(code, "killed")
        time.sleep(POLL)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "too slow"
