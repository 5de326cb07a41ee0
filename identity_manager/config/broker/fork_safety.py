"""Fork safety: a child process drops its parent's database connections and pools without closing them.

Two processes on one connection get each other's answers, and if the child closes it properly, the server
closes it for the parent, too. So the child sends nothing on it and opens its own when it needs one.
"""

import os
import sys
from typing import Any

from celery import Celery
from celery.fixups import django as celerys
from django.db import connections

from identity_manager.config.runtime import process_kind

POSTGRESQL = "django.db.backends.postgresql.base"
# References that are never dropped: a garbage-collected connection would close itself, and so the parent's.
_the_parents: list[object] = []


def register() -> None:
    """Register the after-fork hook, once, when the apps are ready; for gunicorn, Celery and others."""
    os.register_at_fork(after_in_child=forget_the_parents)


def forget_the_parents() -> None:
    """Runs first in the child, which has a single thread, the one that forked."""
    for wrapper in connections.all(initialized_only=True):
        _the_parents.append(wrapper)
        del connections[wrapper.alias]
    if POSTGRESQL in sys.modules:
        wrappers: Any = sys.modules[POSTGRESQL].DatabaseWrapper
        _the_parents.append(wrappers._connection_pools)
        wrappers._connection_pools = {}


class _WorkerFixup(celerys.DjangoWorkerFixup):  # type: ignore[name-defined, misc]  # not in celery-types
    """Celery's fixup without closing the connection pool after each task."""

    def _is_prefork(self) -> bool:
        return False


class _Fixup(celerys.DjangoFixup):
    """Celery's Django fixup, with _WorkerFixup, and with no models in the beat."""

    _ours: _WorkerFixup | None = None

    def on_import_modules(self, **kwargs: Any) -> None:
        if process_kind.kind() != process_kind.BEAT:
            super().on_import_modules(**kwargs)

    @property
    def worker_fixup(self) -> _WorkerFixup:
        if self._ours is None:  # later than the import, because it reads the settings
            self._ours = _WorkerFixup(self.app)
        return self._ours


def fixup(app: Celery) -> _Fixup:
    """The fixup for the Celery application's `fixups`."""
    tie = _Fixup(app)
    tie.install()
    return tie
