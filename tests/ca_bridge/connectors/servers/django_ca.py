"""A real django-ca, in an environment of its own: it is under the GPL, and never imported here."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ca_bridge.connectors.django_ca.connector import DjangoCaConnector
from ca_bridge.contract import CertificateContent
from tests.ca_bridge.connectors import foreign
from tests.ca_bridge.connectors.issuers import file_in
from tests.ca_bridge.connectors.neighbours import Neighbour, server
from tests.tools.running import free_port, listens

REQUIREMENT = "django-ca[api]==3.2.0"
PROJECT = Path(__file__).with_name("django_ca_project.py")
HOMEPAGE = "https://people.example.com/42"
USER = "identity-manager"  # as the project has it


def arranged(content: CertificateContent) -> CertificateContent:
    """What of the content django-ca can write: no security identifier, and no URI without a host."""
    names = tuple((kind, HOMEPAGE if kind == "uri" else value) for kind, value in content.subject_alt_names)
    return replace(content, sid=None, subject_alt_names=names)


@contextmanager
def django_ca(folder: Path) -> Iterator[Neighbour]:
    """The server, and a connector's options for it."""
    port, password = free_port(), secrets.token_urlsafe()
    # -P: the modules beside the project are none of its own.
    command = [str(foreign.python_with(REQUIREMENT)), "-P", str(PROJECT), str(folder), str(port)]
    with server(command, folder=folder, up=lambda: listens(port), env={"OFFICER_PASSWORD": password}):
        yield Neighbour(
            DjangoCaConnector,
            {
                "url": f"http://127.0.0.1:{port}/django_ca",
                "chain_file": str(folder / "ca.pem"),
                "user": USER,
                "password_file": file_in(folder, "password", password),
            },
            {"password_file": file_in(folder, "wrong", "wrong")},
            arranged=arranged,
        )
