"""A message that the broker was not told of in time is a lost connection (docs/decisions/0024)."""

from dataclasses import dataclass

import pytest
from celery import current_app

from identity_manager.config.broker.acknowledgement import LookAtAcknowledgements, NotedRequest, Told


@dataclass
class Message:
    acknowledged: bool = False


def test_what_the_broker_was_told_of_is_no_trouble() -> None:
    told, message = Told(), Message()
    told.note(message)
    told.look()
    message.acknowledged = True
    told.look()
    told.look()


def test_what_it_was_not_told_of_until_the_next_look_is() -> None:
    told = Told()
    told.note(Message())
    told.look()
    with pytest.raises(ConnectionResetError):
        told.look()
    told.look()  # on the next connection nothing of it counts


def test_a_new_connection_forgets_what_the_last_one_brought() -> None:
    told = Told()
    told.note(Message())
    told.look()
    told.forget()
    told.look()
    told.look()


def test_the_product_s_workers_have_it() -> None:
    assert LookAtAcknowledgements in current_app.steps["consumer"]
    task = current_app.tasks["road.issue_certificate"]
    assert task.Request == f"{NotedRequest.__module__}:{NotedRequest.__name__}"
