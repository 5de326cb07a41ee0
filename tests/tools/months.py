"""Tables divided by month (PostgreSQL): for one test, or a database of a module's own."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, connections

from ca_bridge.database import partitions
from identity_manager import audit
from identity_manager.jobs import month_division, month_partitions
from identity_manager.models import AuditEvent
from identity_manager.models.identifiers import new_id
from tests.tools import processes
from tests.tools.postgres_template import on_the_server


def divide() -> None:
    """Audit events and mails, in the transaction of a test, too."""
    connection.check_constraints()
    for model in month_partitions.TABLES:
        assert month_division.divide(model, say=lambda _words: None)


def key_of(moment: datetime) -> uuid.UUID:
    """A new key, as of that moment."""
    return uuid.UUID(int=partitions.first_key(moment).int | new_id().int & (1 << 80) - 1)


def event_of(moment: datetime, **fields: Any) -> AuditEvent:
    """An event with that time in its key, not sealed yet."""
    event = audit.event_about(audit.Event.PERSON_CHANGED, actor=None, subject=None)
    event.pk, event.at = key_of(moment), moment
    for name, value in fields.items():
        setattr(event, name, value)
    audit.append([event])
    return event


@contextmanager
def divided_database() -> Iterator[None]:
    """As copied_database, with tables divided by month."""
    with copied_database():
        divide()
        yield


@contextmanager
def copied_database() -> Iterator[None]:
    """A copy of the test's database; what is asked meanwhile is asked there."""
    original = str(connection.settings_dict["NAME"])
    copy = f"{original}_months"
    processes.let_go()
    on_the_server(f'CREATE DATABASE "{copy}" TEMPLATE "{original}"')
    try:
        _use(copy)
        yield
    finally:
        _use(original)
        on_the_server(f'DROP DATABASE "{copy}"')


def _use(name: str) -> None:
    processes.let_go()
    connections.databases["default"]["NAME"] = connection.settings_dict["NAME"] = name
