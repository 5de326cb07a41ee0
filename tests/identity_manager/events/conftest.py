"""A sealed log, and a SIEM that is configured."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from identity_manager.audit import sealing
from identity_manager.events import siem_configuration
from identity_manager.models import AuditEvent
from tests.tools import rsyslog, webhook_receiver
from tests.tools.rsyslog import Rsyslog
from tests.tools.running import free_port
from tests.tools.webhook_receiver import Receiver

Logged = Callable[[int], None]


@pytest.fixture
def logged(db: None) -> Logged:
    """Have so many sealed events more."""

    def write(number: int) -> None:
        AuditEvent.objects.bulk_create(
            [AuditEvent(name="request.approved", facts={"number": each}) for each in range(number)],
            batch_size=500,
        )
        while sealing.seal():
            pass

    return write


@pytest.fixture
def log_host(settings: Settings, tmp_path: Path) -> Iterator[Rsyslog]:
    """A real rsyslogd, which the settings name `main`."""
    with rsyslog.running(tmp_path, free_port()) as host:
        settings.SIEM_SINKS = {"main": siem_configuration.parse("main", host.settings)}
        yield host


@pytest.fixture
def receiver(settings: Settings, tmp_path: Path) -> Iterator[Receiver]:
    """An HTTPS server on loopback that webhooks may reach."""
    with webhook_receiver.running(tmp_path) as found:
        settings.WEBHOOK_ALLOWED_NETWORKS, settings.WEBHOOK_CA_FILE = ["127.0.0.0/8"], found.trusted
        yield found
