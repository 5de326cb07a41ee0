"""The stubs of CAs, each in a process of its own, and what connectors need for them."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import requests

from ca_bridge.connectors.adcs.connector import AdcsConnector
from ca_bridge.connectors.ejbca.connector import EjbcaConnector
from ca_bridge.connectors.harica.connector import HaricaConnector
from ca_bridge.connectors.nexus_cm.connector import NexusCmConnector
from ca_bridge.connectors.sectigo.connector import SectigoConnector
from tests.ca_bridge.connectors.issuers import HERE, TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, server, with_a_name, with_an_address
from tests.ca_bridge.connectors.servers import (
    adcs_stub,
    ejbca_stub,
    harica_stub,
    nexus_cm_stub,
    sectigo_stub,
)
from tests.tools.running import free_port, listens

ROOT = Path(__file__).resolve().parents[4]


@dataclass(frozen=True)
class Stub:
    """What a connector's options say of it, and its certificate and key."""

    options: dict[str, str]
    identity: tuple[str, str]


@contextmanager
def stub_process(stub: ModuleType, ca: TestCa, env: Mapping[str, str] | None = None) -> Iterator[Stub]:
    """Behind a certificate of the CA, until the block ends; the API of the module is where it begins."""
    port, identity = free_port(), ca.identity("localhost", of=HERE)
    command = [sys.executable, "-m", stub.__name__, str(ca.folder), str(port)]
    options = {"url": f"https://localhost:{port}{stub.API}", "chain_file": ca.path, "ca_file": ca.path}
    env = {"PYTHONPATH": str(ROOT), **(env or {})}
    with server(command, folder=ca.folder, up=lambda: listens(port), env=env):
        yield Stub(options, identity)


def tell(neighbour: Neighbour, stub: ModuleType, path: str) -> None:
    """Tell the stub what somebody does at the CA itself; its module says by which paths."""
    url = neighbour.options["url"].removesuffix(stub.API) + path
    answer = requests.post(url, cert=neighbour.client, verify=neighbour.options["ca_file"], timeout=10)
    answer.raise_for_status()


def _client(identity: tuple[str, str]) -> dict[str, str]:
    """The options of a TLS client certificate."""
    return dict(zip(("client_certificate_file", "client_key_file"), identity, strict=True))


@contextmanager
def adcs(folder: Path) -> Iterator[Neighbour]:
    """The web enrolment pages of AD CS, with a password; `client` signs in, too."""
    ca, stub = TestCa("Test AD CS", folder), adcs_stub
    with stub_process(stub, ca) as running:
        yield Neighbour(
            AdcsConnector,
            running.options
            | {"user": stub.USER, "password_file": ca.file("password", stub.PASSWORD), "poll_after": 5},
            {"password_file": ca.file("wrong", "wrong")},
            identity=running.identity,
            client=ca.identity(stub.OFFICER),
        )


@contextmanager
def ejbca(folder: Path) -> Iterator[Neighbour]:
    """EJBCA's REST interface, asking for a client certificate."""
    ca, stub = TestCa("Test EJBCA", folder), ejbca_stub
    officer, stranger = ca.identity(stub.OFFICER), ca.identity("stranger")
    with stub_process(stub, ca) as running:
        yield Neighbour(
            EjbcaConnector,
            running.options
            | _client(officer)
            | {
                "ca_name": stub.CA_NAME,
                "end_entity_profile": stub.END_ENTITY_PROFILE,
                "enrollment_code_file": ca.file("enrollment-code", "a secret of the tests"),
                "poll_after": 5,
            },
            _client(stranger),
            identity=running.identity,
            client=officer,
        )


@contextmanager
def harica(folder: Path) -> Iterator[Neighbour]:
    """HARICA's CertManager."""
    ca, stub = TestCa("Test HARICA", folder), harica_stub
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


@contextmanager
def nexus_cm(folder: Path) -> Iterator[Neighbour]:
    """The REST API of Nexus Certificate Manager, asking for a client certificate."""
    ca = TestCa("Test Nexus CA", folder)
    officer, stranger = ca.identity(nexus_cm_stub.OFFICER), ca.identity("stranger")
    with stub_process(nexus_cm_stub, ca) as running:
        options, wrong = running.options | _client(officer), _client(stranger)
        yield Neighbour(NexusCmConnector, options, wrong, identity=running.identity, client=officer)


@contextmanager
def sectigo(folder: Path) -> Iterator[Neighbour]:
    """Sectigo Certificate Manager, by OAuth 2.0."""
    ca, stub = TestCa("Test Sectigo", folder), sectigo_stub
    ca.file("password", stub.PASSWORD)
    with stub_process(stub, ca) as running:
        yield Neighbour(
            SectigoConnector,
            running.options
            | {
                "organization_id": stub.ORGANISATION,
                "client_id": stub.CLIENT,
                "client_secret_file": ca.file("client-secret", stub.SECRET),
                "token_url": running.options["url"].removesuffix(stub.API) + "/token",
                "custom_fields": {stub.FIELD: "4711"},
                "poll_after": 5,
            },
            {"client_secret_file": ca.file("stranger", "another secret")},
            identity=running.identity,
            arranged=with_a_name,
        )


def sectigo_by_password(neighbour: Neighbour) -> dict[str, str]:
    """The changes of the options for an account with a password."""
    return {
        "client_id": "",
        "client_secret_file": "",
        "login": sectigo_stub.LOGIN,
        "password_file": str(Path(neighbour.options["ca_file"]).with_name("password")),
        "customer_uri": sectigo_stub.CUSTOMER,
    }
