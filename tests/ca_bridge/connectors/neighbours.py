"""CAs that run beside the tests: how each is started and stopped, and how a connector is made for it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ca_bridge.contract import Answer, CertificateContent, CertificateOrder, Connector, Pending
from tests.tools.running import Process, running

UP_WITHIN = 30  # seconds


def unchanged(content: CertificateContent) -> CertificateContent:
    return content


ADDRESS = ("email", "jane.doe@example.com")


def with_an_address(content: CertificateContent) -> CertificateContent:
    """The content with an e-mail address, for a CA that issues nothing without one."""
    if any(kind == "email" for kind, _value in content.subject_alt_names):
        return content
    return replace(content, subject_alt_names=(ADDRESS, *content.subject_alt_names))


def with_a_name(content: CertificateContent) -> CertificateContent:
    """The content with an e-mail address, a given name and a surname, for a CA that wants them all."""
    present = dict(content.subject)
    wanted = (("givenName", "Jane"), ("surname", "Doe"))
    missing = tuple((name, value) for name, value in wanted if name not in present)
    return replace(with_an_address(content), subject=(*content.subject, *missing))


@dataclass(frozen=True)
class Neighbour:
    """A running CA, and a connector's options for it.

    wrong_credentials: changes of the options that the CA must turn away.
    unknown_profile: whether the CA refuses a profile that it does not have.
    health_signs_in: whether the CA can be asked for anything that needs the credentials, but a certificate.
    identity: certificate and key of the server, as files, where it speaks TLS.
    client: certificate and key that the server asks for, as files, where it does.
    arranged: content as the CA would write it, where it has an order of its own.
    """

    connector: Any
    options: Mapping[str, Any]
    wrong_credentials: Mapping[str, Any]
    profile: str = "person"
    unknown_profile: bool = True
    health_signs_in: bool = True
    identity: tuple[str, str] | None = None
    client: tuple[str, str] | None = None
    arranged: Callable[[CertificateContent], CertificateContent] = unchanged

    @property
    def revokes(self) -> bool:
        return getattr(self.connector, "revokes", True)

    def make(self, **changes: Any) -> Any:
        return self.connector(self.connector.Options(**{**self.options, **changes}))


def decided(connector: Connector, order: CertificateOrder) -> Any:
    """What the CA answers to an order once it has decided; some only take it at first."""
    answer: Answer = connector.issue(order)
    until = time.monotonic() + UP_WITHIN
    while isinstance(answer, Pending) and time.monotonic() < until:
        answer = connector.fetch(order, answer.handle)
        time.sleep(0.1 if isinstance(answer, Pending) else 0)
    return answer


def kept_waiting(neighbour: Neighbour, order: CertificateOrder) -> tuple[Any, CertificateOrder, str]:
    """A connector, an order that waits for the CA's people, and its handle; asked too early it waits on."""
    connector = neighbour.make()
    first = connector.issue(order)
    assert isinstance(first, Pending), first
    again = connector.fetch(order, first.handle)
    assert isinstance(again, Pending), again
    assert again.handle == first.handle
    return connector, order, first.handle


@contextmanager
def server(
    command: Sequence[str], *, folder: Path, up: Callable[[], bool], env: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """A server in a process group of its own, in its folder, until the block ends; its words in log.txt."""
    environment = {**os.environ, "HOME": str(folder), **(env or {})}
    log = folder / "log.txt"
    with running(
        command, log=log, up=up, within=UP_WITHIN, group=True, cwd=folder, env=environment
    ) as process:
        yield process
