"""How many statements a token makes from Accept to the mail that is queued: one token, and of eight each.

Tasks are carried out here, in the order of their messages, without a broker; mails are not sent. BEGIN,
COMMIT and savepoints are not counted; what the driver repeats for many rows (executemany) is one statement.
"""

import time
from typing import Any
from unittest import mock

from celery.app.task import Task
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity_manager import task_names
from identity_manager.models import OutgoingMail
from tests.performance import crowd, people

TOGETHER = 8
WAIT_SECONDS = 1.0  # a worker takes others' rows along only when they have waited
NOT_COUNTED = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")  # of transactions, which tests nest


def measured() -> dict[str, dict[str, float]]:
    crowd.fill(200)
    persons = list(people.employees()[: TOGETHER + 2])
    _statements_of(persons[:1])  # what is asked once in a process
    alone, together = _statements_of(persons[1:2]), _statements_of(persons[2:]) / TOGETHER
    return {"figures": {"statements_alone": alone, "statements_together": together}}


def _statements_of(persons: list[Any]) -> int:
    requests = [people.enabled(person, "vpn") for person in persons]
    seen = [(request, people.texts_of(request)) for request in requests]
    messages: list[tuple[Any, Any, Any]] = []

    def publish(task: Any, args: Any = (), kwargs: Any = None, **_: Any) -> None:
        messages.append((task, args, kwargs))

    with mock.patch.object(Task, "apply_async", publish), CaptureQueriesContext(connection) as statements:
        for request, texts in seen:
            people.accept(request, texts)
        time.sleep(WAIT_SECONDS)
        _carry_out(messages)
    queued = OutgoingMail.objects.filter(request__in=requests, message="delivery").count()
    if queued != len(requests):
        raise RuntimeError(f"{queued} of {len(requests)} tokens came through")
    return len(asked(statements))


def asked(statements: CaptureQueriesContext) -> list[str]:
    """What the database was asked, but for the beginnings and ends of transactions."""
    # psycopg does not say what it repeats (executemany): one statement all the same
    texts = [each["sql"] or "" for each in statements]
    return [text for text in texts if not text.startswith(NOT_COUNTED)]


def _carry_out(messages: list[tuple[Any, Any, Any]]) -> None:
    """All messages, and those that they lead to, but for the sending of mails."""
    while messages:
        task, args, kwargs = messages.pop(0)
        if task.name != task_names.SEND_MAIL:
            task.apply(args=args, kwargs=kwargs).get()
