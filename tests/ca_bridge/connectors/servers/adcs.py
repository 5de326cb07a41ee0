"""The web enrolment pages of AD CS, as a stub in a process of its own, and what a connector needs for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from ca_bridge.connectors.adcs.connector import AdcsConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, free_port, listens, server
from tests.ca_bridge.connectors.servers import adcs_stub as stub

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def adcs(folder: Path) -> Iterator[Neighbour]:
    """The stub, and a connector's options for it, with a password; `client` signs in, too."""
    ca, port = TestCa("Test AD CS", folder), free_port()
    identity, officer = ca.identity("localhost", server=True), ca.identity(stub.OFFICER)
    command = [sys.executable, "-m", stub.__name__, str(folder), str(port)]
    with server(command, folder=folder, up=lambda: listens(port), env={"PYTHONPATH": str(ROOT)}):
        yield Neighbour(
            AdcsConnector,
            {
                "url": f"https://localhost:{port}/certsrv",
                "chain_file": str(folder / "ca.pem"),
                "ca_file": str(folder / "ca.pem"),
                "user": stub.USER,
                "password_file": ca.file("password", stub.PASSWORD),
                "poll_after": 5,
            },
            {"password_file": ca.file("wrong", "wrong")},
            identity=identity,
            client=officer,
        )


def decide(neighbour: Neighbour, number: str, verdict: str) -> None:
    """What a CA manager decides in the CA's console: issue, deny, or the reason of a revocation."""
    url = f"{neighbour.options['url'].removesuffix('/certsrv')}/requests/{number}/{verdict}"
    requests.post(url, verify=neighbour.options["ca_file"], timeout=10).raise_for_status()
