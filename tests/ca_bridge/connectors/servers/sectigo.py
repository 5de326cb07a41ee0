"""Sectigo Certificate Manager, as a stub in a process of its own, and what a connector needs for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ca_bridge.connectors.sectigo.connector import SectigoConnector
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, with_a_name
from tests.ca_bridge.connectors.servers import sectigo_stub as stub
from tests.ca_bridge.connectors.servers.stub_process import stub_process, tell


@contextmanager
def sectigo(folder: Path) -> Iterator[Neighbour]:
    """The stub, and a connector's options for it, by OAuth 2.0."""
    ca = TestCa("Test Sectigo", folder)
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


def by_password(neighbour: Neighbour) -> dict[str, str]:
    """The changes of the options for an account with a password."""
    folder = Path(neighbour.options["ca_file"]).parent
    return {
        "client_id": "",
        "client_secret_file": "",
        "login": stub.LOGIN,
        "password_file": str(folder / "password"),
        "customer_uri": stub.CUSTOMER,
    }


def decide(neighbour: Neighbour, number: str, deed: str) -> None:
    """What Sectigo's people do: issue, reject, revoke."""
    tell(neighbour, stub, f"/orders/{number}/{deed}")


def lists_comments(neighbour: Neighbour, told: str) -> None:
    """on or off: whether lists of certificates have their comments."""
    tell(neighbour, stub, f"/comments/{told}")
