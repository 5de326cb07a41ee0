"""What a child of fork() must not touch: its parent's connections and pools.

Two processes that speak over one connection get each other's answers, and a child that closes it closes it
for the parent. So a child forgets them, without a word to the server, and opens its own when it needs one.
"""

import os
import sys
from typing import Any

from celery import Celery
from celery.fixups import django as celerys
from django.db import connections

POSTGRESQL = "django.db.backends.postgresql.base"
# Kept for ever: what is collected closes itself, and the parent's with it.
_the_parents: list[object] = []


def register() -> None:
    """Called once, when the apps are ready; holds for gunicorn, Celery's processes and every other fork."""
    os.register_at_fork(after_in_child=forget_the_parents)


def forget_the_parents() -> None:
    """In the child, before anything else runs there: it has one thread, the one that forked."""
    for wrapper in connections.all(initialized_only=True):
        _the_parents.append(wrapper)
        del connections[wrapper.alias]
    if POSTGRESQL in sys.modules:
        wrappers: Any = sys.modules[POSTGRESQL].DatabaseWrapper
        _the_parents.append(wrappers._connection_pools)
        wrappers._connection_pools = {}


class _WorkerFixup(celerys.DjangoWorkerFixup):  # type: ignore[name-defined, misc]  # not in celery-types
    """Celery closes the pool of its processes after every task; ours keep it, and its connection."""

    def _is_prefork(self) -> bool:
        return False


class _Fixup(celerys.DjangoFixup):
    """Celery's own tie to Django, but for the pool."""

    _ours: _WorkerFixup | None = None

    @property
    def worker_fixup(self) -> _WorkerFixup:
        if self._ours is None:  # later than the import, because it reads the settings
            self._ours = _WorkerFixup(self.app)
        return self._ours


def fixup(app: Celery) -> _Fixup:
    """What the Celery application is made with."""
    tie = _Fixup(app)
    tie.install()
    return tie
