"""Nexus Certificate Manager's REST API, as a stub in a process of its own, and a connector's options."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ca_bridge.connectors.nexus_cm.connector import NexusCmConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, free_port, listens, server
from tests.ca_bridge.connectors.servers import nexus_cm_stub as stub

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def nexus_cm(folder: Path) -> Iterator[Neighbour]:
    """The stub, asking for a client certificate, and a connector's options for it."""
    ca, port = TestCa("Test Nexus CA", folder), free_port()
    identity = ca.identity("localhost", server=True)
    officer, stranger = ca.identity(stub.OFFICER), ca.identity("stranger")
    command = [sys.executable, "-m", stub.__name__, str(folder), str(port)]
    with server(command, folder=folder, up=lambda: listens(port), env={"PYTHONPATH": str(ROOT)}):
        yield Neighbour(
            NexusCmConnector,
            {
                "url": f"https://localhost:{port}{stub.API}",
                "chain_file": str(folder / "ca.pem"),
                "ca_file": str(folder / "ca.pem"),
                "client_certificate_file": officer[0],
                "client_key_file": officer[1],
            },
            {"client_certificate_file": stranger[0], "client_key_file": stranger[1]},
            identity=identity,
            client=officer,
        )
