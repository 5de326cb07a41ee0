"""Breaker: what a directory must not do alone, and the two officers who let it go on."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from identity_manager import queue, task_names
from identity_manager.audit import Event
from identity_manager.models import (
    AuditEvent,
    DirectoryRun,
    OutgoingMail,
    Person,
    PersonImport,
    PersonState,
    Role,
    RunMode,
    RunState,
)
from identity_manager.people import directory_policy
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.people import directory_decisions, directory_runs
from tests.tools import cast
from tests.tools.directory import FakeDirectory, run

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def house(corp: FakeDirectory, settings: Any) -> FakeDirectory:
    """Twenty persons of the directory, and the product's own limits."""
    settings.BREAKER_LEAVING_PERCENT = 10
    settings.BREAKER_EMAILS_PERCENT = 10
    for number in range(20):
        corp.add(f"p{number}", sid=f"S-1-5-21-7-8-9-{number}")
    run()
    return corp


def leave(house: FakeDirectory, first: int, last: int) -> None:
    for number in range(first, last):
        house.entries.pop(f"id-p{number}")


def inactive() -> int:
    return Person.objects.filter(state=PersonState.INACTIVE).count()


def officers() -> tuple[Person, Person]:
    rita = cast.person("rita")
    return rita, cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,))


def test_too_many_who_leave_stop_the_run_and_tell_the_officers(house: FakeDirectory) -> None:
    officers()
    leave(house, 0, 3)

    stopped = run(RunMode.IDS)

    assert (stopped.state, stopped.stop_code, inactive()) == (RunState.STOPPED, "too-many-leaving", 0)
    mails = OutgoingMail.objects.filter(message="directory_run_stopped")
    assert {mail.to_address for mail in mails} == {"rita@example.com", "rolf@example.com"}
    assert AuditEvent.objects.filter(name=Event.DIRECTORY_RUN_STOPPED.value).exists()


def test_a_stopped_directory_is_not_read_again_before_somebody_decides(house: FakeDirectory) -> None:
    leave(house, 0, 3)
    run(RunMode.IDS)
    reads = len(house.modes)

    run()

    assert len(house.modes) == reads


def test_two_officers_let_it_go_on(house: FakeDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    rita, rolf = officers()
    leave(house, 0, 3)
    stopped = run(RunMode.IDS)

    directory_decisions.let_go_on(actor=rita, run_id=stopped.pk)
    with pytest.raises(NotAllowed) as refused:
        directory_decisions.let_go_on(actor=rita, run_id=stopped.pk)
    assert refused.value.reason == directory_policy.OWN_WORD
    assert (run().state, inactive()) == (RunState.WAITING, 0)

    sent: list[tuple[str, object]] = []
    with monkeypatch.context() as patched:
        patched.setattr(queue, "after_commit", lambda task, pk: sent.append((task, pk)))
        directory_decisions.let_go_on(actor=rolf, run_id=stopped.pk)
    assert sent == [(task_names.READ_DIRECTORY, stopped.source_id)]
    assert (run().state, inactive()) == (RunState.DONE, 3)
    with pytest.raises(Stale):
        directory_decisions.let_go_on(actor=rolf, run_id=stopped.pk)


def test_a_dropped_run_changes_nobody_and_the_next_one_reads_anew(house: FakeDirectory) -> None:
    rita, _rolf = officers()
    leave(house, 0, 3)
    stopped = run(RunMode.IDS)
    with pytest.raises(NotPossible):
        directory_decisions.drop(actor=rita, run_id=stopped.pk, reason=" ")

    directory_decisions.drop(actor=rita, run_id=stopped.pk, reason="The directory is being moved.")

    assert not stopped.lines.exists()
    for number in range(3):
        house.add(f"p{number}", sid=f"S-1-5-21-7-8-9-{number}")
    assert (run(RunMode.FULL).state, inactive()) == (RunState.DONE, 0)


def test_what_nobody_lets_go_on_is_dropped_after_a_week(house: FakeDirectory) -> None:
    leave(house, 0, 3)
    stopped = run(RunMode.IDS)
    DirectoryRun.objects.update(read_at=timezone.now() - timedelta(days=8))

    directory_runs.continue_runs()

    stopped.refresh_from_db()
    assert (stopped.state, inactive()) == (RunState.DROPPED, 0)


@pytest.mark.parametrize("roles", [(Role.TOKEN_ADMINISTRATOR,), (Role.SYSTEM_ADMINISTRATOR,), ()])
def test_only_registration_officers_decide(house: FakeDirectory, roles: tuple[Role, ...]) -> None:
    leave(house, 0, 3)
    stopped = run(RunMode.IDS)

    with pytest.raises(Refused):
        directory_decisions.let_go_on(actor=cast.person("sam", roles=roles), run_id=stopped.pk)
    stopped.refresh_from_db()
    assert stopped.state == RunState.STOPPED


def test_several_small_runs_are_one_large_one(house: FakeDirectory) -> None:
    leave(house, 0, 2)
    assert run(RunMode.IDS).state == RunState.DONE
    leave(house, 2, 3)

    assert run(RunMode.IDS, at_once=True).state == RunState.STOPPED


def test_files_and_runs_count_together(house: FakeDirectory) -> None:
    PersonImport(file_name="a.csv", sha256="").save()
    row = PersonImport.objects.get()
    row.finish(counts={}, leaving=2, emails_changed=0, now=timezone.now())
    row.save()
    leave(house, 0, 1)

    assert run(RunMode.IDS).state == RunState.STOPPED


def test_a_number_of_persons_is_a_limit_too(house: FakeDirectory, settings: Any) -> None:
    settings.BREAKER_LEAVING_PERCENT, settings.BREAKER_PERSONS = 100, 2
    leave(house, 0, 3)

    assert run(RunMode.IDS).stop_code == "too-many-persons"


def test_too_many_changed_addresses_stop_the_run(house: FakeDirectory) -> None:
    for number in range(3):
        house.add(f"p{number}", sid=f"S-1-5-21-7-8-9-{number}", email=f"new{number}@example.com")

    assert run().stop_code == "too-many-emails"
    assert not Person.objects.filter(email__startswith="new").exists()


def test_nobody_at_all_is_never_believed(house: FakeDirectory, settings: Any) -> None:
    settings.BREAKER_LEAVING_PERCENT, settings.BREAKER_PERSONS = 100, 1000
    house.entries = {}

    stopped = run(RunMode.IDS)

    assert (stopped.state, stopped.stop_code, inactive()) == (RunState.STOPPED, "nobody-found", 0)


def test_a_group_of_many_that_becomes_empty_stops_the_run(house: FakeDirectory) -> None:
    house.groups = {"vpn": tuple(house.entries)}
    run()
    house.groups = {"vpn": ()}

    stopped = run()

    assert (stopped.state, stopped.stop_code) == (RunState.STOPPED, "group-emptied")
    assert stopped.stop_facts == {"name": "vpn", "number": 20}


def test_a_dry_run_shows_what_would_be_and_that_it_would_be_stopped(house: FakeDirectory) -> None:
    leave(house, 0, 3)
    house.add("p5", sid="S-1-5-21-7-8-9-5", department="Sales")

    dry = run(RunMode.DRY)

    assert (dry.state, dry.stop_code, inactive()) == (RunState.PLANNED, "too-many-leaving", 0)
    assert dry.counts == {"leave": 3, "update": 1}
    assert dry.lines.get(outcome="update").changes["fields"] == {"department": "Sales"}
    house.groups = {}
    assert run(RunMode.DRY).state == RunState.PLANNED


def test_who_may_start_a_run(house: FakeDirectory) -> None:
    for name, roles in (("sys", (Role.SYSTEM_ADMINISTRATOR,)), ("rita", None)):
        actor = cast.person(name, roles=roles)
        directory_decisions.start(actor=actor, name="corp", mode=RunMode.DRY)
    with pytest.raises(NotAllowed):
        directory_decisions.start(actor=cast.person("ada"), name="corp", mode=RunMode.DRY)
