"""HARICA's CertManager, as a stub in a process of its own, and what a connector needs for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ca_bridge.connectors.harica.connector import HaricaConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, with_an_address
from tests.ca_bridge.connectors.servers import harica_stub as stub
from tests.ca_bridge.connectors.servers.stub_process import stub_process, tell


@contextmanager
def harica(folder: Path) -> Iterator[Neighbour]:
    """The stub, and a connector's options for it."""
    ca = TestCa("Test HARICA", folder)
    with stub_process(stub, ca) as running:
        yield Neighbour(
            HaricaConnector,
            running.options
            | {"api_key_file": ca.file("api-key", stub.KEY), "organization_id": stub.ORGANISATION},
            {"api_key_file": ca.file("stranger", "another key")},
            profile="email_only",
            identity=running.identity,
            arranged=with_an_address,
        )


def next_is(neighbour: Neighbour, twist: str) -> None:
    """What HARICA does otherwise with the next order."""
    tell(neighbour, stub, f"/next/{twist}")
