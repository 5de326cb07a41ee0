"""A heartbeat does not wait for a broker that is away (docs/decisions/0024)."""

from pathlib import Path

import pytest
from kombu import Connection

from identity_manager.config.broker.heartbeats import UnwaitingDispatcher
from identity_manager.config.celery import app


@pytest.mark.long
@pytest.mark.timeout(30)
def test_a_worker_s_heartbeat_comes_back_though_the_broker_is_away(tmp_path: Path) -> None:
    with Connection(f"redis+socket://{tmp_path}/nobody.sock") as connection:
        dispatcher = app.events.Dispatcher(connection)
        assert isinstance(dispatcher, UnwaitingDispatcher)
        dispatcher.send("worker-heartbeat", retry=True)
        dispatcher.disable()
