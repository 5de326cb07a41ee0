"""Tries mutants out: each in a fork of a process that has Django, the database and all tests in memory."""

import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from django.db import connection, connections

from tests.mutants.covering import Covering
from tests.mutants.memory import Functions
from tests.mutants.mutations import Mutant, mutated

SURVIVED, NOTICED, UNTESTED, UNFINISHED = 0, 1, 2, 3
OUTCOMES = {
    SURVIVED: "SURVIVED",
    UNTESTED: "untested",
    UNFINISHED: "unfinished",
    -signal.SIGXCPU: "hangs",
}
HANGS_SECONDS = 30  # of processor time beyond the limit; a test that sleeps is ended by its own time-out
Tell = Callable[[Mutant, str, str], None]


class Trials:
    """A plugin of pytest: in place of the tests it runs the mutants, and tells what came of each."""

    def __init__(
        self,
        mutants: Sequence[Mutant],
        covering: Covering,
        root: Path,
        *,
        limit: float,
        until: float,
        tell: Tell,
    ) -> None:
        self._mutants, self._covering, self._root = mutants, covering, root
        self._limit, self._until, self._tell = limit, until, tell
        self._tells: int | None = None  # in a fork: where it says which test has failed
        self._sound: dict[str, bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        first = next(item for item in session.items if "django_db_setup" in getattr(item, "fixturenames", ()))
        # What lives for the whole session is made here, once; a next test of another file keeps it alive.
        other = next(item for item in session.items if item.path != first.path)
        first.config.hook.pytest_runtest_protocol(item=first, nextitem=other)
        modules = sorted({self._root / mutant.path for mutant in self._mutants})
        self._functions = Functions(modules, self._root)
        for mutant in self._mutants:
            if time.monotonic() > self._until:
                break
            names = self._covering.tests_of(mutant.path, mutant.function)
            self._tell(mutant, *self._tried(mutant, [items[name] for name in names if name in items]))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._tells is not None and report.failed:
            os.write(self._tells, report.nodeid.encode())
            os._exit(NOTICED)

    def _tried(self, mutant: Mutant, items: list[pytest.Item]) -> tuple[str, str]:
        """What came of it, and the test that failed; tests that fail here without the fault are left out."""
        items = [item for item in items if self._sound.get(item.nodeid, True)]
        if not items:
            return "untested", ""
        outcome, failed = self._forked(mutant, items)
        if failed and failed not in self._sound:
            alone = [item for item in items if item.nodeid == failed]
            self._sound[failed] = self._forked(None, alone)[0] == "SURVIVED"
        return (outcome, failed) if self._sound.get(failed, True) else self._tried(mutant, items)

    def _forked(self, mutant: Mutant | None, items: list[pytest.Item]) -> tuple[str, str]:
        connections.close_all()
        told, self._tells = os.pipe()
        child = os.fork()
        if not child:
            self._child(mutant, items)
        os.close(self._tells)
        self._tells = None
        _child, status = os.waitpid(child, 0)
        outcome = OUTCOMES.get(os.waitstatus_to_exitcode(status), "noticed")
        for copy in _database_of(child).parent.glob(f"{_database_of(child).name}*"):
            copy.unlink()
        with os.fdopen(told, "rb") as failed:
            test = failed.read().decode()
        return ("broken" if outcome == "noticed" and not test else outcome), test

    def _child(self, mutant: Mutant | None, items: list[pytest.Item]) -> None:
        """Never returns: ends the process with what came of the mutant."""
        try:
            most = int(self._limit) + HANGS_SECONDS
            resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))
            _silence()
            _own_database()
            if mutant:
                tree = mutated(mutant, self._root)
                if not self._functions.replace(self._root / mutant.path, tree, mutant.function):
                    os._exit(UNTESTED)
            items[0].session._setupstate.teardown_exact(items[0])  # the packages of what ran before
            start = time.process_time()
            for item, following in zip(items, [*items[1:], items[-1]], strict=True):
                if time.process_time() - start > self._limit:
                    os._exit(UNFINISHED)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            os._exit(SURVIVED)
        except BaseException:  # noqa: BLE001 whatever it is, the fault was noticed
            os._exit(NOTICED)


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(nowhere, stream)


def _own_database() -> None:
    """A copy for this process alone."""
    copy = _database_of(os.getpid())
    shutil.copyfile(str(connection.settings_dict["NAME"]), copy)
    connection.settings_dict["NAME"] = str(copy)


def _database_of(process: int) -> Path:
    return Path(str(connection.settings_dict["NAME"])).with_name(f"mutant-{process}.sqlite3")
