"""EJBCA's REST interface, as a stub in a process of its own, and what a connector needs for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ca_bridge.connectors.ejbca.connector import EjbcaConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour
from tests.ca_bridge.connectors.servers import ejbca_stub as stub
from tests.ca_bridge.connectors.servers.stub_process import client, stub_process, tell


@contextmanager
def ejbca(folder: Path) -> Iterator[Neighbour]:
    """The stub, asking for a client certificate, and a connector's options for it."""
    ca = TestCa("Test EJBCA", folder)
    officer, stranger = ca.identity(stub.OFFICER), ca.identity("stranger")
    with stub_process(stub, ca) as running:
        yield Neighbour(
            EjbcaConnector,
            running.options
            | client(officer)
            | {
                "ca_name": stub.CA_NAME,
                "end_entity_profile": stub.END_ENTITY_PROFILE,
                "enrollment_code_file": ca.file("enrollment-code", "a secret of the tests"),
                "poll_after": 5,
            },
            client(stranger),
            identity=running.identity,
            client=officer,
        )


def decide(neighbour: Neighbour, number: str, verdict: str) -> None:
    """What an administrator decides on EJBCA's pages: approve, been-rejected, expired."""
    tell(neighbour, stub, f"/approvals/{number}/{verdict}")
