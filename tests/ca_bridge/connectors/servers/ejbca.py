"""EJBCA's REST interface, as a stub in a process of its own, and what a connector needs for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from ca_bridge.connectors.ejbca.connector import EjbcaConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, free_port, listens, server
from tests.ca_bridge.connectors.servers import ejbca_stub as stub

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def ejbca(folder: Path) -> Iterator[Neighbour]:
    """The stub, asking for a client certificate, and a connector's options for it."""
    ca, port = TestCa("Test EJBCA", folder), free_port()
    identity = ca.identity("localhost", server=True)
    officer, stranger = ca.identity(stub.OFFICER), ca.identity("stranger")
    command = [sys.executable, "-m", stub.__name__, str(folder), str(port)]
    with server(command, folder=folder, up=lambda: listens(port), env={"PYTHONPATH": str(ROOT)}):
        yield Neighbour(
            EjbcaConnector,
            {
                "url": f"https://localhost:{port}{stub.API}",
                "chain_file": str(folder / "ca.pem"),
                "ca_file": str(folder / "ca.pem"),
                "client_certificate_file": officer[0],
                "client_key_file": officer[1],
                "ca_name": stub.CA_NAME,
                "end_entity_profile": stub.END_ENTITY_PROFILE,
                "enrollment_code_file": ca.file("enrollment-code", "a secret of the tests"),
                "poll_after": 5,
            },
            {"client_certificate_file": stranger[0], "client_key_file": stranger[1]},
            identity=identity,
            client=officer,
        )


def decide(neighbour: Neighbour, number: str, verdict: str) -> None:
    """What an administrator decides on EJBCA's pages: approve, been-rejected, expired."""
    options = neighbour.options
    url = f"{options['url'].removesuffix(stub.API)}/approvals/{number}/{verdict}"
    client = (options["client_certificate_file"], options["client_key_file"])
    requests.post(url, cert=client, verify=options["ca_file"], timeout=10).raise_for_status()
