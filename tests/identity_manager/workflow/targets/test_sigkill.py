"""A process that serves a target is ended by SIGKILL at each boundary; the next one finds out, and goes on.

The walks beside this die by an exception, which undoes what is uncommitted and ends the connection in order.
Here nothing is undone by us: the database, the directory and the target have what the process had sent.
A boundary is before and after each step of the worker, each call of the connector, each change of a drop's
folder, and the writing within the transaction that settles. Nobody goes on within the dead worker's lease.
"""

import base64
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager import queue
from identity_manager.models import HoldBack, Person, Placement, PlacementState, SoftwareToken, Target
from identity_manager.targets.configuration import parse
from identity_manager.targets.gateway.connector import GatewayTarget
from identity_manager.targets.gateway.drop import Folder
from identity_manager.targets.gmail.connector import GmailTarget
from identity_manager.targets.intune.connector import IntuneTarget
from identity_manager.targets.ldap.connector import LdapTarget
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import actions, lease, serving, settlement, sole_delivery
from tests.identity_manager.targets import directories
from tests.identity_manager.targets.directories import Directory
from tests.identity_manager.workflow.targets.test_kill_points_of_keys import arrived_once
from tests.tools import cast, key_targets, processes, slapd, targets
from tests.tools.cast import Company, accepted, enabled, issued
from tests.tools.key_targets import KeyTarget, sole_type
from tests.tools.processes import Ending
from tests.tools.targets import administrator, mail_type, placement, review
from tests.tools.x509 import person_certificate

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
P = PlacementState
CONNECTORS = (LdapTarget, GatewayTarget, GmailTarget, IntuneTarget)
CALLS = ("locate", "look", "put", "take_back")
STEPS: tuple[tuple[Any, str], ...] = (
    (serving, "claim"),
    (serving, "_intend"),
    (settlement, "settle"),
    (settlement, "save"),  # within its transaction
    (sole_delivery, "arrive"),  # the same
    (lease.LeasedTarget, "settle"),
    (Folder, "write"),
    (Folder, "rename"),
    *((connector, name) for connector in CONNECTORS for name in CALLS),
)
PERSONS = 30
STRANGER = person_certificate(77)


@dataclass(frozen=True)
class Worker:
    """A process that serves all targets once. It writes each boundary down.

    die_at: where it is killed, by name or number.
    """

    log: Path
    die_at: int | str = 0

    def run(self) -> Ending:
        self.log.touch()
        Target.objects.update(next_attempt_at=timezone.now())  # who came last may have been in the future
        return processes.in_a_process(self._work)

    def passed(self) -> list[str]:
        return self.log.read_text().splitlines()

    def calls(self) -> list[str]:
        """What it asked of the target, in order."""
        begun = (line.removeprefix("before ") for line in self.passed() if line.startswith("before "))
        return [name for name in begun if name in CALLS]

    def _work(self) -> None:
        for place, name in STEPS:
            setattr(place, name, self._around(name, getattr(place, name)))
        for row in Target.objects.all():
            serving.serve(target_id=row.pk)

    def _around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **more: Any) -> Any:
            self._pass(f"before {name}")
            result = work(*given, **more)
            self._pass(f"after {name}")
            return result

        return watched

    def _pass(self, boundary: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{boundary}\n")
        if self.die_at in (boundary, len(self.passed())):
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def company(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The workers are the processes of the tests: nothing is published."""
    monkeypatch.setattr(queue, "publish", lambda *_message: None)
    return Company()


def killed_at(number: int, folder: Path, row_id: Any) -> tuple[bool, list[str]]:
    """A worker that is killed there, and two more: within its lease, and after that.

    Whether it was killed, and all that was passed.
    """
    folder.mkdir()
    Target.objects.update(claim_id=None, leased_until=None)  # of whoever was killed before, it has run out
    first = Worker(folder / "first", number)
    second, third = Worker(folder / "second"), Worker(folder / "third")
    ending = first.run()
    assert (ending.signal, ending.trouble) in ((0, ""), (signal.SIGKILL, "")), ending.trouble
    left = Placement.objects.get(pk=row_id).state
    is_leased = Target.objects.get().claim_id is not None

    assert second.run() == Ending()
    if is_leased:
        assert second.passed() == ["before claim", "after claim"], "the dead worker has the lease"
    with time_machine.travel(timezone.now() + lease.LEASE + timedelta(seconds=1)):
        assert third.run() == Ending()
    went_on = [*second.calls(), *third.calls()]
    if left == P.INTENDED:
        assert went_on[0] == "look", "what may be there is looked at before anything else"
    if left == P.THERE and Placement.objects.get(pk=row_id).wanted:
        assert went_on == []
    return ending.signal == signal.SIGKILL, [*first.passed(), *second.passed(), *third.passed()]


# --- keys: they arrive once, or wait for an officer


@pytest.fixture(params=list(key_targets.KINDS))
def target(request: Any, tmp_path: Path, settings: Any, company: Company) -> Iterator[KeyTarget]:
    with key_targets.KINDS[request.param](settings, tmp_path, company) as found:
        sole_type(found.holder)
        targets.in_use(found.name)
        yield found


def known(target: KeyTarget, name: str) -> Person:
    """Somebody new, with an account there."""
    person = cast.person(name, sid="", roles=())
    target.know(person)
    return person


def key_for(company: Company, target: KeyTarget, person: Person) -> SoftwareToken:
    """A token whose only copy waits for the target."""
    return issued(accepted(enabled(company.ada, person, sole_type(target.holder)))).tokens.get()


@pytest.mark.nightly
def test_a_key_arrives_once_wherever_its_worker_is_killed(
    target: KeyTarget, company: Company, tmp_path: Path
) -> None:
    parked = 0
    for number in count(1):
        token = key_for(company, target, known(target, f"p{number}"))
        was_killed, passed = killed_at(number, tmp_path / f"at-{number}", placement(token).pk)
        if placement(token).state == P.PARKED:
            parked += 1
            assert target.keys() == number - 1, "a key that is there is found"
            officer = administrator("sven")
            actions.repeat(actor=officer, placement_id=placement(token).pk)
            assert Worker(tmp_path / f"put-{number}").run() == Ending()
        assert passed.count("after put") <= 1
        arrived_once(target, token, keys=number)
        if not was_killed:
            break
    assert number > 16
    assert parked <= 3, "where the gateway may have taken the file: before anything was written"


def test_what_the_gateway_has_taken_meanwhile_is_parked_and_not_sent_again(
    settings: Any, company: Company, tmp_path: Path
) -> None:
    with key_targets.KINDS["gateway"](settings, tmp_path, company) as target:
        sole_type(target.holder)
        targets.in_use(target.name)
        token = key_for(company, target, known(target, "p1"))
        assert Worker(tmp_path / "killed", die_at="after put").run() == Ending(signal.SIGKILL)
        (file,) = (tmp_path / "drop").iterdir()
        file.unlink()  # its import was fast
        next_one = Worker(tmp_path / "next")
        with time_machine.travel(timezone.now() + lease.LEASE + timedelta(seconds=1)):
            assert next_one.run() == Ending()
            assert Worker(tmp_path / "later").run() == Ending()
    row = placement(token)
    assert (row.state, row.parcel_wrapped is None) == (P.PARKED, False), "the only copy stays here"
    assert next_one.calls() == ["look"]
    assert Worker(tmp_path / "later").calls() == []


# --- certificates in a directory: they come and go, and others stay


@pytest.fixture
def directory(tmp_path: Path, settings: Any, company: Company) -> Iterator[Directory]:
    stranger = f"userCertificate;binary:: {base64.b64encode(STRANGER).decode()}\n"
    entries = "".join(slapd.person(number, more=stranger) for number in range(PERSONS))
    (tmp_path / "slapd").mkdir()
    with slapd.running(tmp_path / "slapd", entries) as found:
        made = directories.of_slapd(found)
        given = {"kind": "ldap", "options": made.options}
        settings.TARGETS = {targets.NAME: parse(targets.NAME, given, secret=made.password)}
        targets.switched_on(HoldBack.ISSUED)
        yield made


def held(directory: Directory, person: Person) -> set[str]:
    """The fingerprints of the values at the person's entry."""
    target = directory.target()
    try:
        place = target.locate(person.email)
        return {each for found in target.survey() if found.place == place for each in found.fingerprints}
    finally:
        target.close()


@pytest.mark.nightly
@pytest.mark.needs_program("slapd", "ldapmodify")
def test_a_certificate_comes_and_goes_wherever_its_worker_is_killed(
    directory: Directory, company: Company, tmp_path: Path
) -> None:
    for number in count(1):
        person = cast.person(f"p{number}", sid="", roles=())
        before = held(directory, person)
        token = issued(accepted(enabled(company.ada, person, mail_type()))).tokens.get()
        row = placement(token)
        killed_putting, passed = killed_at(number, tmp_path / f"put-{number}", row.pk)
        assert passed.count("after put") <= 1
        assert placement(token).state == P.THERE
        assert held(directory, person) == before | {row.certificate.fingerprint_sha256}

        why = RevocationReason.KEY_COMPROMISE
        revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=why, encryption=[row.certificate_id])
        review(token)
        killed_taking, _passed = killed_at(number, tmp_path / f"taken-{number}", row.pk)
        assert placement(token).state == P.GONE
        assert held(directory, person) == before, "the value of somebody else stays"
        if not killed_putting and not killed_taking:
            break
    assert number > 12
