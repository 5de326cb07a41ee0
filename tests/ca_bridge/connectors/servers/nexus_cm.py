"""Nexus Certificate Manager's REST API, as a stub in a process of its own, and a connector's options."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ca_bridge.connectors.nexus_cm.connector import NexusCmConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour
from tests.ca_bridge.connectors.servers import nexus_cm_stub as stub
from tests.ca_bridge.connectors.servers.stub_process import client, stub_process


@contextmanager
def nexus_cm(folder: Path) -> Iterator[Neighbour]:
    """The stub, asking for a client certificate, and a connector's options for it."""
    ca = TestCa("Test Nexus CA", folder)
    officer, stranger = ca.identity(stub.OFFICER), ca.identity("stranger")
    with stub_process(stub, ca) as running:
        yield Neighbour(
            NexusCmConnector,
            running.options | client(officer),
            client(stranger),
            identity=running.identity,
            client=officer,
        )
