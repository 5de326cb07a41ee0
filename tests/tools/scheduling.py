"""Which of several processes runs which test (pytest-xdist): what tests share is made in one process only.

The tests of a group (the mark xdist_group) run in one process, one after the other. pytest-xdist alone writes
the group behind a test's name where pytest 9.2 does not look any more, and each process makes what a group
shares. The tests of a file stay together too, as long as there are files for all processes.
"""

import json
import tempfile
from collections import deque
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

FOLDER = "groups_folder"
_folder = pytest.StashKey[Path]()
# Whole installations, minutes for one test: begun first, so that no process is left with one at the end. Then
# the groups, which one process carries out alone.
BEGUN_FIRST = (
    "tests/chaos/",
    "tests/cluster/",
    "tests/upgrade/",
    "tests/sinks/test_running_system.py",
    "tests/journeys/test_two_hosts.py",
)


def group_of(item: pytest.Item) -> str:
    """Empty where it has none."""
    return "_".join(sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")}))


def pytest_configure(config: pytest.Config) -> None:
    """Where the processes write down the groups, which only they know."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="identity-manager-groups-")
        config.add_cleanup(folder.cleanup)
        config.stash[_folder] = Path(folder.name)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[FOLDER] = str(node.config.stash[_folder])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (not item.nodeid.startswith(BEGUN_FIRST), not group_of(item)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Before a process says that it has collected its tests."""
    worker = getattr(session.config, "workerinput", None)
    if worker is not None:
        groups = {item.nodeid: group for item in session.items if (group := group_of(item))}
        (Path(worker[FOLDER]) / worker["workerid"]).write_text(json.dumps(groups), encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "ByFile | None":
    return ByFile(config, log) if config.getoption("dist") == "loadgroup" else None


class ByFile(LoadScopeScheduling):
    """A unit is a group, or a test that has none."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._groups: dict[str, str] = {}
        self._places: dict[str, int] = {}
        # Tests that commit come after all others, as pytest-django sorts them: a file apart.
        self._waiting: deque[deque[str]] | None = None
        self._begun: dict[Any, deque[str]] = {}

    def add_node_collection(self, node: Any, collection: Any) -> None:
        super().add_node_collection(node, collection)
        known = self.config.stash[_folder] / node.gateway.id
        self._groups.update(json.loads(known.read_text(encoding="utf-8")))
        self._places = {nodeid: place for place, nodeid in enumerate(collection)}

    def _split_scope(self, nodeid: str) -> str:
        return self._groups.get(nodeid, nodeid)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """What is done is forgotten: pytest-xdist counts all that a process ever had, after each test."""
        scope = self._split_scope(self.registered_collections[node][item_index])
        super().mark_test_complete(node, item_index, duration)
        if all(self.assigned_work[node][scope].values()):
            del self.assigned_work[node][scope]

    def _assign_work_unit(self, node: Any) -> None:
        scope = self._next(node)
        unit = self.workqueue.pop(scope)
        self.assigned_work[node][scope] = unit
        node.send_runtest_some([self._places[nodeid] for nodeid, done in unit.items() if not done])

    def _next(self, node: Any) -> str:
        """From the file that this process has begun; from the next one; in the end from another one's."""
        if self._waiting is None:
            files = groupby(self.workqueue, key=lambda scope: scope.partition("::")[0])
            self._waiting = deque(deque(scopes) for _file, scopes in files)
        if not self._begun.get(node):
            self._begun[node] = self._waiting.popleft() if self._waiting else self._fullest()
        if not self._begun[node]:  # what a process left that died
            return next(iter(self.workqueue))
        return self._begun[node].popleft()

    def _fullest(self) -> deque[str]:
        return max(self._begun.values(), key=len, default=deque())
