"""Targets that take keys, one of each kind, with one shape: a stub, or a folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ca_bridge.connection import registry
from ca_bridge.x509.certificates import names_itself
from identity_manager.models import KeyHolder, Person, SoftwareToken, TokenType
from identity_manager.targets.gateway.drop import Folder
from tests.tools import gateways, gmail_stub, graph_stub
from tests.tools.cast import Company, accepted, enabled, issued
from tests.tools.gateways import leaving_type
from tests.tools.gmail_stub import Mailbox

PERSONS = ("uma", "sam")


@dataclass(frozen=True)
class KeyTarget:
    """name: in TARGETS. holder: as terms name it. keys: how many keys it has, none counted twice.

    lose_answer: the next key arrives, and its answer does not. refuse: the next one is refused for good.
    know: another person gets an account there.
    """

    name: str
    holder: str
    keys: Callable[[], int]
    lose_answer: Callable[[], None]
    refuse: Callable[[], None]
    know: Callable[[Person], None]


def sole_type(holder: str, **fields: Any) -> TokenType:
    """A type that targets alone deliver."""
    return leaving_type(holder, **({"profiles": ("mailkey",), "targets_alone": True} | fields))


def token_of(company: Company, target: KeyTarget, name: str = "uma") -> SoftwareToken:
    """A token of that type, issued and sealed."""
    request = enabled(company.ada, getattr(company, name), sole_type(target.holder))
    return issued(accepted(request)).tokens.get()


@contextmanager
def _intune(settings: Any, folder: Path, company: Company) -> Iterator[KeyTarget]:
    with graph_stub.running() as graph:
        graph.users = {getattr(company, name).upn: f"user-of-{name}" for name in PERSONS}
        settings.TARGETS = {graph_stub.NAME: graph.target(folder)}
        yield KeyTarget(
            graph_stub.NAME,
            KeyHolder.INTUNE,
            keys=lambda: len(graph.held) + graph.twice,
            lose_answer=lambda: graph.planned["import"].append("lost-after"),
            refuse=lambda: graph.planned["import"].append(400),
            know=lambda person: graph.users.update({person.upn: f"user-of-{person.pk}"}),
        )


@contextmanager
def _gateway(settings: Any, folder: Path, _company: Company) -> Iterator[KeyTarget]:
    gate = gateways.gateway(folder)
    settings.TARGETS = {gateways.NAME: gate.target()}
    with pytest.MonkeyPatch.context() as patched:
        rename = Folder.rename

        def fail_once(error: Exception, *, after: bool) -> None:
            def renamed(drop: Folder, old: str, new: str) -> None:
                patched.setattr(Folder, "rename", rename)
                if after:
                    rename(drop, old, new)
                raise error

            patched.setattr(Folder, "rename", renamed)

        yield KeyTarget(
            gateways.NAME,
            KeyHolder.GATEWAY,
            keys=lambda: len(gate.files()),
            lose_answer=lambda: fail_once(OSError("lost"), after=True),
            refuse=lambda: pytest.skip("a folder refuses no single file"),
            know=lambda _person: None,
        )


@contextmanager
def _gmail(settings: Any, folder: Path, company: Company) -> Iterator[KeyTarget]:
    with gmail_stub.running() as gmail:
        gmail.mailboxes += [Mailbox(getattr(company, name).email) for name in PERSONS]
        gmail.trusted = [each for each in registry.connector("corporate").chain() if names_itself(each)]
        settings.TARGETS = {gmail_stub.NAME: gmail.target(folder)}
        yield KeyTarget(
            gmail_stub.NAME,
            KeyHolder.GMAIL,
            keys=lambda: sum(len(each.held) for each in gmail.mailboxes) + gmail.twice,
            lose_answer=lambda: gmail.planned["insert"].append("lost-after"),
            refuse=lambda: gmail.planned["insert"].append(400),
            know=lambda person: gmail.mailboxes.append(Mailbox(person.email)),
        )


KINDS = {"intune": _intune, "gateway": _gateway, "gmail": _gmail}
