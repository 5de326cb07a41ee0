"""Each walk is killed at each boundary that it passes, and goes on: one certificate, one file, one mail.

The boundaries are counted while the walk is done: the n-th run dies at the n-th, until one comes to its end.
It begins where the undisturbed walk was last at rest before that boundary, in a copy of what stood there.
Who comes after a process that died between an outside call and the commit after it cannot know whether the
call was made: then, and only then, a mail goes out twice, the same to the byte, and a CA that cannot be
searched, and is to be asked again, issues twice for one key, and nobody here can know the first to revoke it.
"""

import itertools
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from identity_manager import task_names
from identity_manager.workflow.batch import chunk_size
from identity_manager.workflow.batch import division as batch_division
from tests.ca_bridge.scripted import issuing_ca
from tests.kill_points import findings
from tests.kill_points.boundaries import AFTER, BROKER, CA, COMMIT, KINDS, MAIL, Boundaries, watch
from tests.kill_points.copies import Copies
from tests.kill_points.outside import Broker
from tests.kill_points.walks import (
    AFTER_DELIVERY,
    ALL_SEVEN_STEPS,
    CANCELLED,
    IN_A_GROUP,
    MANY,
    NEVER_NOTED,
    RECOVERY,
    REFUSED,
    WALKS,
    Clock,
    Walk,
    go,
    in_use,
)
from tests.tools import processes, recovery
from tests.tools.processes import Ending

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]
KILLED = 9
MAILBOX = "identity_manager.mail.mailbox.MailboxBackend"
REST = "at-rest-"
# What is like another one: nightly, all of it.
LIKE_ANOTHER = (AFTER_DELIVERY, CANCELLED, NEVER_NOTED, REFUSED, MANY, RECOVERY)
ONCE = [pytest.param(walk, marks=pytest.mark.nightly) if walk in LIKE_ANOTHER else walk for walk in WALKS]
SENT, ISSUED = f"{AFTER} {MAIL} send", f"{AFTER} {CA} issue"
ISSUED_TOGETHER = f"{AFTER} {CA} issue_many"


_warm: set[str] = set()


def warm_up(made: Copies, directory: Path) -> None:
    """Walk once in this process, so that what each process would load again is there when it begins."""
    if not _warm:
        issuing_ca()  # one for all processes
        recovery.ceremony()  # the same
        present = dict(connection.settings_dict)
        mailbox = {"EMAIL_BACKEND": MAILBOX, "MAILBOX_DIR": directory / "warm"}
        copy = made.make("warm")
        try:
            processes.use(copy)
            with override_settings(**mailbox):
                in_use()
        finally:
            processes.let_go()
            connection.settings_dict.update(present)
        made.drop(copy)
        _warm.add("up")


@dataclass(frozen=True)
class Place:
    """Where one walk happens: its database, and all that outlives a process."""

    directory: Path
    database: str

    def enter(self, walk: Walk) -> None:
        """Make this process one of the installation here."""
        processes.use(self.database)
        settings.EMAIL_BACKEND = MAILBOX
        settings.MAILBOX_DIR = self.directory / "mailbox"
        batch_division.LINES_PER_SHARD, chunk_size.ChunkSize.size = 3, 2
        chunk_size.ChunkSize.LEAST = chunk_size.ChunkSize.MOST = 2
        if walk.ca:
            options = {"directory": str(self.directory), "loses": walk.loses}
            connector = f"tests.kill_points.outside.{walk.ca}"
            corporate = {"CONNECTOR": connector, "OPTIONS": options, "UNKNOWN": walk.unknown}
            settings.CA_CONNECTORS = {"corporate": corporate}

    def passed(self) -> list[str]:
        """The boundaries that were passed, in their order."""
        return (self.directory / "boundaries").read_text().splitlines()


class Stage:
    """Prepares a walk once, and does it as often as wanted."""

    def __init__(self, walk: Walk, directory: Path) -> None:
        self.walk = walk
        self._copies = Copies(directory, source=str(connection.settings_dict["NAME"]))
        self._directory = directory
        warm_up(self._copies, directory)
        prepared = self._place("prepared")
        assert self._run(prepared, walk.prepare) == Ending()
        self._at_rest = {0: prepared}

    def _place(self, name: str, *, like: Place | None = None) -> Place:
        directory = self._directory / name
        database = self._copies.make(name, source=like.database if like else None)
        if like is None:
            directory.mkdir()
        else:
            shutil.copytree(like.directory, directory)
        return Place(directory, database)

    def _run(self, place: Place, work: Any) -> Ending:
        def enter_and_work() -> None:
            place.enter(self.walk)
            work()

        return processes.in_a_process(enter_and_work)

    def at(self, number: int | None, *, broker_forgets: bool = False) -> "Outcome":
        """Do the walk in a process that dies at that boundary, and let a new one go on."""
        nearest = max(passed for passed in self._at_rest if passed < (number or 1))
        place = self._place(f"at-{number or 'none'}", like=self._at_rest[nearest])
        ending = self._run(place, lambda: self._walk(place, die_at=number))
        self._find_rests()
        assert (ending.signal, ending.trouble) in ((0, ""), (KILLED, "")), ending.trouble
        passed = place.passed()
        after = self._run(place, lambda: self._go_on(place, broker_forgets=broker_forgets))
        assert after == Ending(), f"killed at {number}, {passed[-1]}:\n{after.trouble}"
        found = json.loads((place.directory / "found.json").read_text())
        self._copies.drop(place.database)
        shutil.rmtree(place.directory)
        return Outcome(ending.signal == KILLED, passed, found["end"], found["copies"])

    def _walk(self, place: Place, *, die_at: int | None) -> None:
        broker, clock = Broker(place.directory), Clock(place.directory)
        boundaries = Boundaries(place.directory / "boundaries", die_at=die_at)
        watch(boundaries, broker)

        def rest() -> None:
            name = f"{REST}{boundaries.number}"
            if die_at is None and not (self._directory / name).exists():  # only time has passed since
                self._place(name, like=place)

        with clock.running():
            go(self.walk, clock, broker, patience=1, between=rest)

    def _find_rests(self) -> None:
        """Of the undisturbed walk, which happened in another process."""
        for directory in self._directory.glob(f"{REST}*/"):
            number = int(directory.name.removeprefix(REST))
            self._at_rest[number] = Place(directory, self._copies.name(directory.name))

    def _go_on(self, place: Place, *, broker_forgets: bool) -> None:
        broker, clock = Broker(place.directory), Clock(place.directory)
        watch(Boundaries(place.directory / "boundaries-after", die_at=None), broker)
        if broker_forgets:
            broker.empty()
        with clock.running():
            go(self.walk, clock, broker, patience=3)
            found = {"end": findings.at_the_end(), "copies": findings.copies_of_mails()}
        (place.directory / "found.json").write_text(json.dumps(found))


@dataclass(frozen=True)
class Outcome:
    """passed: the boundaries, the last is where it died; end: what stands there when all is quiet."""

    killed: bool
    passed: list[str]
    end: dict[str, Any]
    copies: list[int]

    def in_the_dark(self, call: str) -> bool:
        """Whether it died after that call, with no commit since that could have said so."""
        since = (
            self.passed[len(self.passed) - self.passed[::-1].index(call) :] if call in self.passed else None
        )
        return since is not None and not any(each.startswith(f"{AFTER} {COMMIT}") for each in since)


@pytest.fixture
def stage(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path) -> Stage:
    return Stage(request.param, tmp_path)


def undisturbed(stage: Stage) -> Outcome:
    """The walk that nobody disturbs leaves nothing behind."""
    outcome = stage.at(None)
    assert (outcome.end["stuck"], outcome.end["broken chain"], outcome.end["keys"]) == ([], [], 0)
    assert outcome.end["good at the CA"]
    assert set(outcome.copies) == {1}
    return outcome


def compare(stage: Stage, outcome: Outcome, reference: Outcome) -> None:
    """As if nothing had happened, but for what nobody can know."""
    doubled = stage.walk.ca == "ForgetfulAsked" and outcome.in_the_dark(ISSUED)
    at_ca = {"issued": reference.end["issued"] + int(doubled), "good at the CA": not doubled}
    assert outcome.end == reference.end | at_ca
    again = int(outcome.in_the_dark(SENT))
    assert outcome.passed == reference.passed[: len(outcome.passed)]
    assert outcome.copies == [1] * (len(reference.copies) - again) + [2] * again


@pytest.mark.parametrize("stage", [ALL_SEVEN_STEPS], ids=lambda walk: walk.name, indirect=True)
def test_killed_once_after_each_kind_of_boundary(stage: Stage) -> None:
    reference = undisturbed(stage)
    assert {name.split()[1] for name in reference.passed} == KINDS

    for name in (
        ISSUED_TOGETHER,
        SENT,
        f"{AFTER} {BROKER} {task_names.SEND_MAIL}",
        f"{AFTER} {COMMIT} _commit",
    ):
        places = [number for number, each in enumerate(reference.passed, start=1) if each == name]
        outcome = stage.at(places[len(places) // 2])
        assert (outcome.killed, outcome.passed[-1]) == (True, name)
        compare(stage, outcome, reference)


@pytest.mark.long
@pytest.mark.nightly_on_postgresql
@pytest.mark.parametrize("stage", [IN_A_GROUP], ids=lambda walk: walk.name, indirect=True)
def test_the_tokens_of_a_walk_go_as_a_group(stage: Stage) -> None:
    passed = undisturbed(stage).passed
    assert passed.count(f"{AFTER} {BROKER} {task_names.ISSUE}") == 3
    assert (passed.count(ISSUED_TOGETHER), passed.count(ISSUED)) == (1, 0)
    assert passed.count(f"{AFTER} {BROKER} {task_names.SEND_MAIL}") == 1, (
        "the mails of a group are one message"
    )
    assert passed.count(SENT) == 3


def _is_tried(name: str) -> bool:
    return name.startswith(AFTER) or name.split()[1] in {CA, MAIL}


@pytest.mark.long
@pytest.mark.nightly_on_postgresql
@pytest.mark.parametrize("stage", ONCE, ids=lambda walk: walk.name, indirect=True)
def test_killed_once_at_each_name_of_boundary(stage: Stage) -> None:
    """Before a CA or a mail server is called, and after whatever is passed."""
    reference = undisturbed(stage)
    for name in dict.fromkeys(filter(_is_tried, reference.passed)):
        places = [number for number, each in enumerate(reference.passed, start=1) if each == name]
        outcome = stage.at(places[len(places) // 2])
        assert (outcome.killed, outcome.passed[-1]) == (True, name)
        compare(stage, outcome, reference)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", WALKS, ids=lambda walk: walk.name, indirect=True)
def test_killed_at_each_boundary(stage: Stage) -> None:
    reference = undisturbed(stage)
    troubles = []

    for number in itertools.count(1):
        try:
            outcome = stage.at(number, broker_forgets=number % 2 == 0)
            if not outcome.killed:
                break
            compare(stage, outcome, reference)
        except AssertionError as trouble:
            troubles.append(f"killed at {number}, {reference.passed[number - 1]}: {trouble}")
    assert troubles == []
    assert number == len(reference.passed) + 1
