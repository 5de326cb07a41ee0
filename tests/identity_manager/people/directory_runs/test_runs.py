"""Runs of a directory: who comes, changes, leaves and comes back; what is incomplete changes nobody."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from identity_manager.audit import Event
from identity_manager.directory.contract import End, Item, Present
from identity_manager.models import (
    Account,
    AuditEvent,
    DirectoryLink,
    DirectoryRun,
    DirectorySource,
    EntryState,
    IdentityChange,
    Leave,
    OutgoingMail,
    Person,
    PersonSource,
    PersonState,
    Role,
    RoleAssignment,
    RunMode,
    RunState,
    TokenState,
)
from identity_manager.people.directory_runs import applying, groups
from identity_manager.people.identity import identity_changes
from identity_manager.workflow.people import directory_runs, leave_and_return
from tests.tools import cast
from tests.tools.directory import FakeDirectory, run

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


def state_of(name: str) -> str:
    return str(Person.objects.get(personnel_number=f"D-{name}").state)


def test_new_persons_come_with_their_identity_manager_and_audit(corp: FakeDirectory) -> None:
    corp.add("nina", manager="id-zoe")  # who comes after her
    corp.add("zoe")

    done = run()

    nina = Person.objects.get(personnel_number="D-nina")
    assert (done.state, done.counts, done.created) == (RunState.DONE, {"create": 2}, 2)
    assert (nina.state, nina.source, nina.email) == ("active", PersonSource.LDAP, "nina@example.com")
    assert nina.manager is not None
    assert nina.manager.personnel_number == "D-zoe"
    assert not IdentityChange.objects.exists()
    event = AuditEvent.objects.get(name=Event.PERSON_CREATED.value, person=nina)
    assert event.facts["directory_run"] == str(done.pk)


def test_a_chunk_does_not_read_past_the_lines_of_those_before(
    corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 500,000 of them, each chunk waited 130 ms for it."""
    for number in range(3):
        corp.add(f"nina{number}")
    monkeypatch.setattr(applying, "CHUNK", 1)

    with CaptureQueriesContext(connection) as asked:
        done = run()

    lines = list(done.lines.order_by("pk").values_list("pk", flat=True))
    statements = [query["sql"] or "" for query in asked]  # PostgreSQL has none for a COPY
    reads = [sql for sql in statements if sql.startswith("SELECT") and '."applied" AND' in sql]
    after = [int(found[1]) for sql in reads if (found := re.search(r'"id" > (\d+)', sql))]
    assert after == [0, *lines]


def test_what_is_unchanged_is_not_looked_at_again(corp: FakeDirectory) -> None:
    corp.add("nina", manager="id-zoe")
    corp.add("zoe")
    run()
    run(RunMode.FULL)  # links zoe as nina's manager: nothing is different

    again = run(RunMode.FULL)

    assert (again.read, again.counts) == (2, {})
    assert not again.lines.exists()


def test_what_is_not_due_is_not_read(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()

    directory_runs.run(source_id=DirectorySource.objects.get().pk)

    assert len(corp.modes) == 1


def test_who_has_lost_the_lease_ends_no_run(corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def outlived(_row: DirectoryRun) -> None:
        DirectorySource.objects.update(claim_id=uuid.uuid4())

    corp.add("nina")
    monkeypatch.setattr(groups, "end_memberships_of_absent", outlived)

    assert run().state == RunState.APPLYING


def test_a_change_names_its_run_and_the_old_address_is_told(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    corp.add("nina", email="nina.falk@example.com", department="Sales")

    done = run()

    nina = Person.objects.get(personnel_number="D-nina")
    assert (nina.email, nina.department) == ("nina.falk@example.com", "Sales")
    event = AuditEvent.objects.get(name=Event.PERSON_CHANGED.value)
    assert event.facts == {"fields": ["department", "email"], "directory_run": str(done.pk)}
    mail = OutgoingMail.objects.get(message="identity_taken_over")
    assert mail.to_address == "nina@example.com"


def test_who_is_absent_is_on_hold_and_comes_back_as_they_were(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe")
    run()
    nina = Person.objects.get(personnel_number="D-nina")
    RoleAssignment.objects.create(person=nina, role=Role.SELF_SERVICE_USER)
    del corp.entries["id-nina"]

    run(RunMode.IDS)

    assert state_of("nina") == PersonState.INACTIVE
    assert not nina.roles.exists()
    corp.add("nina")
    back = run(RunMode.FULL)
    assert back.counts == {"return": 1}
    assert state_of("nina") == PersonState.ACTIVE
    assert nina.roles.get().role == Role.SELF_SERVICE_USER
    assert Leave.objects.get().ended_at is not None


def test_after_some_weeks_of_absence_a_person_is_locked(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe")
    run()
    del corp.entries["id-nina"]
    run(RunMode.IDS)
    DirectoryLink.objects.filter(external_id="id-nina").update(
        state_since=timezone.now() - timedelta(days=31)
    )

    run()

    assert state_of("nina") == PersonState.LOCKED
    assert run(RunMode.FULL).counts == {}


@pytest.mark.parametrize("mode", [RunMode.FULL, RunMode.IDS, RunMode.CHANGES])
def test_an_answer_by_halves_changes_nobody(corp: FakeDirectory, mode: RunMode) -> None:
    corp.add("nina")
    corp.add("zoe")
    run()
    corp.add("zoe", department="Sales")
    corp.entries = dict(reversed(corp.entries.items()))
    corp.breaks_off = 1

    broken = run(mode)

    assert (broken.state, broken.error) == (RunState.INCOMPLETE, "The directory stopped.")
    assert {state_of("nina"), state_of("zoe")} == {PersonState.ACTIVE}
    assert Person.objects.get(personnel_number="D-zoe").department == "Research"
    assert not broken.lines.exists()


def test_a_stream_without_its_end_is_incomplete(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    corp.entries = {}
    corp.has_end = False

    assert run(RunMode.FULL).state == RunState.INCOMPLETE
    assert state_of("nina") == PersonState.ACTIVE


def test_an_incremental_run_says_nothing_of_who_is_absent(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe")
    run()
    corp.changed = {"id-zoe"}
    corp.add("zoe", department="Sales")
    del corp.entries["id-nina"]

    done = run(RunMode.CHANGES)

    assert (corp.modes[-1], done.counts) == (RunMode.CHANGES, {"update": 1})
    assert state_of("nina") == PersonState.ACTIVE


def test_a_tombstone_is_believed_in_an_incremental_run(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe")
    run()
    corp.changed, corp.gone = set(), ["id-nina", "id-nobody"]

    run(RunMode.CHANGES)

    assert (state_of("nina"), state_of("zoe")) == (PersonState.INACTIVE, PersonState.ACTIVE)


def test_an_account_that_expires_between_two_runs_is_noticed_without_a_change(corp: FakeDirectory) -> None:
    corp.add("nina", expires_at=timezone.now() + timedelta(days=1))
    run()
    assert state_of("nina") == PersonState.ACTIVE
    DirectoryLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    corp.changed = set()

    run(RunMode.CHANGES)

    assert DirectoryLink.objects.get().state == EntryState.EXPIRED
    assert state_of("nina") == PersonState.INACTIVE


def test_a_renamed_account_is_the_same_person(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    before = Person.objects.get(personnel_number="D-nina")
    corp.add("nina", surname="Berg", upn="nina.berg@corp.example.com", email="nina.berg@example.com")

    run()

    after = Person.objects.get()
    assert (after.pk, after.surname, after.upn) == (before.pk, "Berg", "nina.berg@corp.example.com")
    assert after.display_name == "Nina Berg"


def test_an_account_does_not_change_its_person(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    corp.add("nina", personnel_number="D-other", external_id="id-nina")

    done = run()

    assert done.counts == {"refused": 1}
    assert "D-nina" in done.lines.get().problem
    assert not Person.objects.filter(personnel_number="D-other").exists()


def test_an_account_made_again_is_another_one_until_the_old_link_is_ended(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe")
    run()
    del corp.entries["id-nina"]
    corp.add("nina", external_id="id-again", sid="S-1-5-21-7-8-9-4711")

    run(RunMode.FULL)  # the old one is found absent
    done = run(RunMode.FULL)

    assert state_of("nina") == PersonState.INACTIVE
    assert "another account of this directory, which is gone" in done.lines.get().problem


def test_a_duplicate_e_mail_is_refused_until_it_is_free(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    corp.add("zoe", email="nina@example.com")

    refused = run()

    assert refused.counts == {"refused": 1}
    assert "D-nina" in refused.lines.get().problem
    corp.add("nina", email="nina.falk@example.com")
    corp.changed = {"id-nina"}  # the incremental run does not read zoe again
    run(RunMode.CHANGES)
    assert run(RunMode.CHANGES).counts == {"create": 1}
    assert state_of("zoe") == PersonState.ACTIVE


def test_two_new_entries_with_one_address_are_both_refused(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe", email="NINA@example.com")

    done = run()

    assert done.counts == {"refused": 2}
    assert not Person.objects.exists()


def test_what_was_refused_and_is_gone_is_not_created_later(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    corp.add("zoe", email="nina@example.com")
    run()
    del corp.entries["id-zoe"]
    corp.add("nina", email="nina.falk@example.com")
    corp.changed = {"id-nina"}

    run(RunMode.IDS)
    run(RunMode.CHANGES)

    assert Person.objects.count() == 1


def test_what_the_source_did_not_understand_is_refused_in_the_next_run_too(corp: FakeDirectory) -> None:
    """The next run does not read the entry again: it plans what the last one refused."""
    corp.entries["id-zoe"] = replace(corp.add("zoe"), problem="Nobody maps this state.")
    run()
    corp.changed = set()
    done = run(RunMode.CHANGES)

    assert done.counts == {"refused": 1}
    assert not Person.objects.exists()


def test_nor_does_it_bring_anybody_back(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    corp.add("nina", state=EntryState.DISABLED)
    run()
    corp.entries["id-nina"] = replace(corp.add("nina"), problem="Nobody maps this state.")
    run()
    corp.changed = set()
    run(RunMode.CHANGES)

    assert Person.objects.get().state == PersonState.INACTIVE


def test_two_entries_of_one_known_person_are_refused(corp: FakeDirectory) -> None:
    """A user's account and an administrator's, say: nobody knows which one is the person's."""
    cast.person("nina", personnel_number="D-nina")
    corp.add("nina")
    corp.add("admin", personnel_number="D-nina", email="", upn="", sid="")

    done = run()

    assert (done.state, done.counts) == (RunState.DONE, {"refused": 2})
    assert not DirectoryLink.objects.exists()


@pytest.mark.parametrize("who", ["new", "known"])
def test_what_was_refused_and_is_gone_from_a_list_of_all_is_not_planned_again(
    corp: FakeDirectory, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """A folder of whole files has everybody in each run, also where it looks for changes."""
    corp.add("nina")
    if who == "known":
        corp.add("zoe")
    run()
    corp.entries["id-zoe"] = replace(corp.add("zoe", department="Sales"), problem="Not understood.")
    run()
    del corp.entries["id-zoe"]
    corp.changed = set()
    read = type(corp).read

    def of_all(directory: FakeDirectory, mode: RunMode, cursor: Mapping[str, Any]) -> Iterator[Item]:
        yield Present("id-nina", "id-nina")
        for item in read(directory, mode, cursor):
            yield replace(item, has_all_ids=True) if isinstance(item, End) else item

    monkeypatch.setattr(type(corp), "read", of_all)
    done = run(RunMode.CHANGES)

    assert done.state == RunState.DONE
    found = Person.objects.exclude(personnel_number="D-nina")
    assert [each.state for each in found] == [PersonState.INACTIVE] * (who == "known")


@pytest.mark.parametrize("answer", ["none yet", "refused"])
def test_an_identity_that_nobody_has_agreed_to_waits_at_each_change(corp: FakeDirectory, answer: str) -> None:
    nina = cast.person("nina", personnel_number="D-nina")
    corp.add("nina", sid="S-1-5-21-7-8-9-1", email=nina.email, upn=nina.upn)
    run()
    change = IdentityChange.objects.get()
    if answer == "refused":
        rita = cast.person("rita", roles=(Role.REGISTRATION_OFFICER,))
        identity_changes.refuse_change(actor=rita, change_id=change.pk, reason="Not hers.")
    corp.add("nina", sid="S-1-5-21-7-8-9-1", email=nina.email, upn=nina.upn, department="Sales")

    run()

    nina.refresh_from_db()
    assert (nina.department, nina.sid) == ("Sales", "S-1-5-21-1-2-3-1422")
    assert IdentityChange.objects.filter(state="waiting").count() == 1


def test_an_entry_with_the_number_of_an_api_client_is_refused(corp: FakeDirectory) -> None:
    client = cast.person("hr", personnel_number="api-1", sid="", roles=(), source=PersonSource.API)
    corp.add("nina", personnel_number="api-1")

    done = run()

    client.refresh_from_db()
    assert (done.counts, client.source) == ({"refused": 1}, PersonSource.API)


def test_a_known_person_is_taken_over_and_their_identity_waits(corp: FakeDirectory) -> None:
    nina = cast.person("nina", personnel_number="D-nina")
    corp.add("nina", sid="S-1-5-21-7-8-9-1", email=nina.email, upn=nina.upn, department="Sales")

    run()

    nina.refresh_from_db()
    assert (nina.source, nina.department, nina.sid) == (PersonSource.LDAP, "Sales", "S-1-5-21-1-2-3-1422")
    change = IdentityChange.objects.get()
    assert (change.new, change.source) == ({"sid": "S-1-5-21-7-8-9-1"}, "ldap")


def test_the_identity_of_an_officer_waits_for_a_second_one(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    RoleAssignment.objects.create(person=Person.objects.get(), role=Role.APPROVER)
    corp.add("nina", sid="S-1-5-21-7-8-9-1", email="else@example.com")

    run()

    assert Person.objects.get().email == "nina@example.com"
    assert set(IdentityChange.objects.get().new) == {"sid", "email"}


def test_an_unused_account_makes_no_person(corp: FakeDirectory) -> None:
    corp.add("nina", state=EntryState.DISABLED)
    corp.add("svc-backup", personnel_number="")

    done = run()

    assert (done.counts, Person.objects.count()) == ({}, 0)


def test_whom_an_officer_has_put_on_leave_stays_on_leave(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    rita, nina = cast.person("rita"), Person.objects.get(personnel_number="D-nina")
    leave_and_return.deactivate(actor=rita, person_id=nina.pk, reason="Lost laptop")
    corp.add("nina", state=EntryState.DISABLED)
    run()
    corp.add("nina")

    run()

    assert state_of("nina") == PersonState.INACTIVE


def test_tokens_requests_roles_and_the_session_end_within_the_run(corp: FakeDirectory) -> None:
    corp.add("nina")
    run()
    nina = Person.objects.get(personnel_number="D-nina")
    RoleAssignment.objects.create(person=nina, role=Role.SELF_SERVICE_USER)
    request = cast.issued(cast.accepted(cast.enabled(cast.person("ada"), nina)))
    token = cast.noted(cast.delivered(request).tokens.get())
    browser = Client()
    browser.force_login(Account.objects.create(username="nina", person=nina))
    assert browser.get("/my/").status_code == 200
    corp.add("nina", state=EntryState.LEAVING)
    run()
    token.refresh_from_db()
    assert token.state == TokenState.ON_HOLD
    assert not RoleAssignment.objects.filter(person=nina).exists()
    assert browser.get("/my/").status_code == 302, "the session has ended"
    corp.add("nina", state=EntryState.LOCKED)

    done = run()

    token.refresh_from_db()
    assert (state_of("nina"), token.state) == (PersonState.LOCKED, TokenState.REVOKED)
    names = AuditEvent.objects.filter(facts__directory_run=str(done.pk)).values_list("name", flat=True)
    assert {Event.PERSON_LOCKED.value, Event.TOKEN_REVOKED.value} <= set(names)
