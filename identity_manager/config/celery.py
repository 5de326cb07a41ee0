"""The Celery application. The broker carries identifiers only; the database is the queue of record."""

import os
import sys
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    celeryd_after_setup,
    celeryd_init,
    heartbeat_sent,
    worker_init,
)
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config.broker import acknowledgement, beat_process, task_processes
from identity_manager.config.broker import addresses as broker
from identity_manager.config.observability import monitoring
from identity_manager.config.runtime import garbage_collection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")
# Commands and web processes run Django's system checks, which import every view and API: 50 MB in a worker.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

CERTIFICATES = "ca"  # the queue whose tasks use the key pool

app = Celery(
    "identity_manager",
    task_cls="identity_manager.config.runtime.frame_memory:OnePieceTask",
    events="identity_manager.config.broker.heartbeats:UnwaitingEvents",
    fixups=["identity_manager.config.broker.fork_safety:fixup"],
)
MONITORING = monitoring  # connected to Celery's signals by being imported
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["consumer"].add(acknowledgement.LookAtAcknowledgements)


@celeryd_init.connect
def refuse_to_start(**_: Any) -> None:
    """End a worker with one sentence if settings are inconsistent."""
    # Here, because every import of this package passes through this module, and not all have settings.
    import django

    from identity_manager.config.checks import refuse_inconsistent_settings

    try:
        django.setup()  # connectors have models
        refuse_inconsistent_settings()
    except ImproperlyConfigured as error:
        print(error, file=sys.__stderr__)  # the beat's own stderr goes to a log that is set up later
        sys.exit(1)


@beat_init.connect
def refuse_to_tick(**_: Any) -> None:
    """End the beat likewise; else set up what it needs."""
    beat_process.check_in_child(refuse_to_start)
    beat_process.set_up()


@celeryd_init.connect
@beat_init.connect
@heartbeat_sent.connect
def say_alive(**_: Any) -> None:
    """Touch the liveness file; the beat does it again as it ticks."""
    # Here, as above.
    from django.conf import settings

    from identity_manager.config.observability import liveness_file

    liveness_file.touch(Path(settings.VAR_DIR))


@celeryd_after_setup.connect
def take_jobs(instance: Any, **_: Any) -> None:
    """Consume the queue of ticks and jobs beside the worker's own queues (docs/decisions/0025)."""
    queues = instance.app.amqp.queues
    if set(queues.consume_from) & {"ca", "bulk"}:
        queues.select_add(queues[broker.JOBS])


@worker_init.connect
def load_before_fork(**_: Any) -> None:
    """Load linter and links before a worker forks, so that its processes share the memory (copy-on-write)."""
    from ca_bridge.x509 import lint
    from identity_manager.mail import composing

    lint.load()
    composing.load_links()
    garbage_collection.freeze_loaded_objects()


def keep_sqlite_connections() -> None:
    """Enable this process's pool of SQLite connections: opening one took a third of an idle worker's time."""
    from identity_manager.config.database.sqlite.connection_pool import IDLE

    IDLE.keep()


def close_sqlite_connections() -> None:
    """Close them, and disable the pool."""
    from identity_manager.config.database.sqlite.connection_pool import IDLE

    IDLE.stop()


def fill_key_pool() -> None:
    """Start the key pool in processes of workers that consume the queue `ca`."""
    if CERTIFICATES not in app.amqp.queues.consume_from:  # as the worker was told, before it was divided
        return
    from django.conf import settings

    from ca_bridge.contract import KeyAlgorithm
    from ca_bridge.keys.pool import pool

    pool.want(KeyAlgorithm.RSA_3072)  # what token types have unless they say otherwise
    pool.start(size=settings.KEY_POOL_SIZE)


def drain_key_pool() -> None:
    """Drop unused keys of the key pool."""
    from ca_bridge.keys.pool import pool

    pool.drain()


task_processes.have(begin=keep_sqlite_connections, end=close_sqlite_connections)
task_processes.have(begin=fill_key_pool, end=drain_key_pool)
