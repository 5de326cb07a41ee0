"""A stub of a CA in a process of its own, behind a certificate of a CA of the tests."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import requests

from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, free_port, listens, server

ROOT = Path(__file__).resolve().parents[4]


@dataclass(frozen=True)
class Stub:
    """What a connector's options say of it, and its certificate and key."""

    options: dict[str, str]
    identity: tuple[str, str]


@contextmanager
def stub_process(stub: ModuleType, ca: TestCa, env: Mapping[str, str] | None = None) -> Iterator[Stub]:
    """Until the block ends. The module's API is where its interface begins."""
    port, identity, root = free_port(), ca.identity("localhost", server=True), str(ca.folder / "ca.pem")
    command = [sys.executable, "-m", stub.__name__, str(ca.folder), str(port)]
    options = {"url": f"https://localhost:{port}{stub.API}", "chain_file": root, "ca_file": root}
    env = {"PYTHONPATH": str(ROOT), **(env or {})}
    with server(command, folder=ca.folder, up=lambda: listens(port), env=env):
        yield Stub(options, identity)


def client(identity: tuple[str, str]) -> dict[str, str]:
    """The options of a TLS client certificate."""
    return dict(zip(("client_certificate_file", "client_key_file"), identity, strict=True))


def tell(neighbour: Neighbour, stub: ModuleType, path: str) -> None:
    """Tell the stub what somebody does at the CA itself."""
    url = neighbour.options["url"].removesuffix(stub.API) + path
    answer = requests.post(url, cert=neighbour.client, verify=neighbour.options["ca_file"], timeout=10)
    answer.raise_for_status()
