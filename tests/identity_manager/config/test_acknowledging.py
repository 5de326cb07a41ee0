"""A message that the broker was not told of in time is a lost connection (docs/decisions/0024)."""

from dataclasses import dataclass

import pytest
from celery import current_app

from identity_manager.config.broker.acknowledgement import Acknowledged, LookAtAcknowledgements, NotedRequest


@dataclass
class Message:
    acknowledged: bool = False


def test_what_the_broker_was_told_of_is_no_trouble() -> None:
    acknowledged, message = Acknowledged(), Message()
    acknowledged.note(message)
    acknowledged.look()
    message.acknowledged = True
    acknowledged.look()
    acknowledged.look()


def test_what_it_was_not_told_of_until_the_next_look_is() -> None:
    acknowledged = Acknowledged()
    acknowledged.note(Message())
    acknowledged.look()
    with pytest.raises(ConnectionResetError):
        acknowledged.look()
    acknowledged.look()  # on the next connection nothing of it counts


def test_a_new_connection_forgets_what_the_last_one_brought() -> None:
    acknowledged = Acknowledged()
    acknowledged.note(Message())
    acknowledged.look()
    acknowledged.forget()
    acknowledged.look()
    acknowledged.look()


def test_the_product_s_workers_have_it() -> None:
    assert LookAtAcknowledgements in current_app.steps["consumer"]
    task = current_app.tasks["road.issue_certificate"]
    assert task.Request == f"{NotedRequest.__module__}:{NotedRequest.__name__}"
