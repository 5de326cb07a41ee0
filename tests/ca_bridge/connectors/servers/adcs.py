"""The web enrolment pages of AD CS, as a stub in a process of its own, and what a connector needs for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ca_bridge.connectors.adcs.connector import AdcsConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour
from tests.ca_bridge.connectors.servers import adcs_stub as stub
from tests.ca_bridge.connectors.servers.stub_process import stub_process, tell


@contextmanager
def adcs(folder: Path) -> Iterator[Neighbour]:
    """The stub, and a connector's options for it, with a password; `client` signs in, too."""
    ca = TestCa("Test AD CS", folder)
    with stub_process(stub, ca) as running:
        yield Neighbour(
            AdcsConnector,
            running.options
            | {"user": stub.USER, "password_file": ca.file("password", stub.PASSWORD), "poll_after": 5},
            {"password_file": ca.file("wrong", "wrong")},
            identity=running.identity,
            client=ca.identity(stub.OFFICER),
        )


def decide(neighbour: Neighbour, number: str, verdict: str) -> None:
    """What a CA manager decides in the CA's console: issue, deny, or the reason of a revocation."""
    tell(neighbour, stub, f"/requests/{number}/{verdict}")
