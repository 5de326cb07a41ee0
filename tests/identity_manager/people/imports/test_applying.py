"""Import of persons: what each row does, what stops the whole, and that nothing is half done."""

from typing import Any

import pytest
from django.utils import translation

from identity_manager.audit import Event
from identity_manager.directory.csv_file import CsvRow
from identity_manager.models import (
    Account,
    AuditEvent,
    IdentityChange,
    Person,
    PersonSource,
    Role,
    RoleAssignment,
)
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports.applying import ImportPlan, ImportStopped, PlannedRow, RowOutcome, plan
from identity_manager.workflow.people import leave_and_return
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


def carry_out(planned: ImportPlan, **options: Any) -> ImportPlan:
    return importing.carry_out(planned, change_state=leave_and_return.take_over_state, **options)


def rows(*values: dict[str, str]) -> list[CsvRow]:
    """Rows of a file that begins with a header; what is not said is as for anybody."""
    return [
        CsvRow(line, {"personnel_number": f"N{line}", "given_name": "Nina", "surname": f"Nord{line}"} | given)
        for line, given in enumerate(values, start=2)
    ]


def row_of(known: Person, **changes: str) -> dict[str, str]:
    names = ("personnel_number", "given_name", "surname", "display_name", "email", "upn", "sid", "department")
    return {name: getattr(known, name) for name in names} | changes


def outcomes(*values: dict[str, str], **options: Any) -> list[str]:
    return [row.outcome.value for row in plan(rows(*values), **options).rows]


def refusal(*values: dict[str, str]) -> tuple[int, str, str]:
    """Line, field and sentence of the one refusal."""
    (row,) = plan(rows(*values)).with_outcome(RowOutcome.REFUSED)
    (error,) = row.errors
    return row.line, error.field, error.sentence


def crowd(size: int) -> list[Person]:
    return [person(f"crowd{number}", sid=f"S-1-5-21-9-9-9-{number}") for number in range(size)]


# --- New persons -----------------------------------------------------------------------------------
def test_new_persons_come_with_all_that_the_row_says() -> None:
    full = {
        "personnel_number": "7", "given_name": "太郎", "surname": "山田", "display_name": "山田太郎",
        "email": "Taro@Example.com", "upn": "taro@corp.example.com", "sid": "S-1-5-21-1-2-3-7",
        "department": "営業", "organisational_unit": "Tokyo", "manager": "8", "kind": "external",
        "language": "de", "time_zone": "Asia/Tokyo", "state": "active", "external_id": "x7",
    }  # fmt: skip
    carry_out(plan(rows(full, {"personnel_number": "8"}), trusted=True), actor=None)
    row = Person.objects.get(personnel_number="7")
    assert {name: getattr(row, name) for name in full if name not in ("email", "manager")} == {
        name: value for name, value in full.items() if name not in ("email", "manager")
    }
    assert row.email == "Taro@example.com"
    assert row.manager == Person.objects.get(personnel_number="8")
    assert row.source == PersonSource.CSV
    assert list(Person.objects.matching("田太 営業")) == [row]
    assert not IdentityChange.objects.exists()


def test_what_a_new_row_leaves_out_is_as_usual() -> None:
    carry_out(plan(rows({"state": "", "kind": "", "language": ""})), actor=None)
    row = Person.objects.get()
    assert (row.display_name, row.state, row.kind, row.language) == (
        "Nina Nord2",
        "registered",
        "employee",
        "en",
    )


@pytest.mark.parametrize("state", ["registered", "active", "inactive", "locked"])
def test_a_new_person_may_begin_in_any_state(state: str) -> None:
    carry_out(plan(rows({"state": state})), actor=None)
    assert Person.objects.get().state == state


# --- Known persons ---------------------------------------------------------------------------------
def test_a_known_personnel_number_is_updated_and_found_by_the_new_values() -> None:
    ada = person("ada")
    before = ada.version
    planned = plan(rows(row_of(ada, department="Verkauf", surname="Berger", display_name="")))
    assert planned.rows[0].changes == {
        "department": "Verkauf", "surname": "Berger", "display_name": "Ada Berger",
    }  # fmt: skip
    carry_out(planned, actor=None)
    ada = Person.objects.get()
    assert (ada.department, ada.display_name, ada.version) == ("Verkauf", "Ada Berger", before + 1)
    assert list(Person.objects.matching("berger verkauf")) == [ada]
    assert list(Person.objects.matching("research")) == []


def test_the_person_of_an_api_client_is_changed_by_no_file() -> None:
    client = person("hr", sid="", roles=(), source=PersonSource.API)
    assert refusal(row_of(client, state="locked"))[1] == "personnel_number"


def test_a_row_that_says_nothing_new_changes_nothing() -> None:
    ada = person("ada", manager=person("paul"))
    assert outcomes(row_of(ada, manager="P-paul", state="active", kind="")) == ["unchanged"]
    carry_out(plan(rows(row_of(ada))), actor=None)
    assert Person.objects.get(pk=ada.pk).version == ada.version


def test_columns_that_are_not_there_change_nothing_and_empty_cells_empty() -> None:
    ada = person("ada", manager=person("paul"))
    name = {"personnel_number": "P-ada", "given_name": "Ada", "surname": "Berg"}
    assert outcomes(name) == ["unchanged"]
    carry_out(plan(rows(name | {"department": "", "manager": ""})), actor=None)
    ada.refresh_from_db()
    assert (ada.department, ada.manager, ada.organisational_unit) == ("", None, "Nord")


def test_a_display_name_of_their_own_stays_when_the_file_has_none() -> None:
    person("ada", display_name="Ada B. (IT)")
    carry_out(plan(rows({"personnel_number": "P-ada", "given_name": "Adele", "surname": "Berg"})), actor=None)
    assert Person.objects.get().display_name == "Ada B. (IT)"


@pytest.mark.parametrize("state", ["inactive", "locked"])
def test_state_changes_go_through_the_state_machine_and_are_audited(state: str) -> None:
    first, *_others = crowd(20)
    carry_out(plan(rows(row_of(first, state=state))), actor=None)
    assert Person.objects.get(pk=first.pk).state == state
    name = {"inactive": Event.PERSON_DEACTIVATED, "locked": Event.PERSON_LOCKED}[state]
    assert AuditEvent.objects.get(name=name.value).person == first


@pytest.mark.parametrize(
    ("now", "wanted"),
    [("active", "registered"), ("inactive", "registered"), ("locked", "active"), ("locked", "registered")],
)
def test_states_that_cannot_be_reached_are_refused(now: str, wanted: str) -> None:
    ada = person("ada", state=now)
    line, field, _sentence = refusal(row_of(ada, state=wanted))
    assert (line, field) == (2, "state")


def test_who_is_locked_does_not_change() -> None:
    ada = person("ada", state="locked")
    assert outcomes(row_of(ada)) == ["unchanged"]
    assert refusal(row_of(ada, department="X"))[1] == "state"


# --- E-mail, UPN, SID ------------------------------------------------------------------------------
NEW_IDENTITY = {"email": "new@example.com", "upn": "new@corp.example.com", "sid": "S-1-5-21-7-7-7-7"}


@pytest.mark.parametrize("field", list(NEW_IDENTITY))
def test_a_changed_identity_waits_while_the_rest_is_done(field: str) -> None:
    first, *_others = crowd(20)
    change = {field: NEW_IDENTITY[field]}
    assert outcomes(row_of(first, **change)) == ["waits"]
    planned = plan(rows(row_of(first, department="X", **change)))
    assert planned.rows[0].waits == change
    carry_out(planned, actor=None)
    after = Person.objects.get(pk=first.pk)
    assert (after.department, getattr(after, field)) == ("X", getattr(first, field))


def test_a_file_that_says_it_again_is_the_same_change_and_another_value_replaces_it() -> None:
    first, *_others = crowd(40)
    for _time in range(2):
        carry_out(plan(rows(row_of(first, **NEW_IDENTITY))), actor=None)
    change = IdentityChange.objects.get()
    assert (change.new, change.asked_by, change.source) == (NEW_IDENTITY, None, "csv")
    carry_out(plan(rows(row_of(first, email="newer@example.com"))), actor=None)
    assert [row.state for row in IdentityChange.objects.order_by("asked_at")] == ["withdrawn", "waiting"]


def test_who_is_locked_by_the_same_row_gets_no_new_identity() -> None:
    first, *_others = crowd(20)
    carry_out(plan(rows(row_of(first, state="locked", **NEW_IDENTITY))), actor=None)
    assert not IdentityChange.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "other_case"),
    [
        ("email", "uma@example.com", "UMA@EXAMPLE.COM"),
        ("upn", "uma@corp.example.com", "Uma@Corp.example.com"),
        ("sid", "S-1-5-21-1-2-3-55", "s-1-5-21-1-2-3-55"),
    ],
)
def test_identity_belongs_to_one_person_who_is_not_locked(field: str, value: str, other_case: str) -> None:
    uma = person("uma", **{field: value})
    assert refusal({field: other_case})[:2] == (2, field)
    new = NEW_IDENTITY[field]
    assert refusal({field: new}, {field: new.lower()})[:2] == (3, field)
    uma.lock()
    uma.save()
    assert outcomes({field: other_case}) == ["create"]


def test_an_idn_domain_is_one_domain_however_it_is_written() -> None:
    assert refusal({"email": "a@bücher.example"}, {"email": "A@xn--bcher-kva.example"})[:2] == (3, "email")


# --- Refused rows ----------------------------------------------------------------------------------
def test_refused_rows_name_line_and_field_and_the_good_ones_wait_for_a_word() -> None:
    planned = plan(rows({}, {"email": "nobody"}, {"surname": "A\u202eB"}))
    assert [(row.line, [error.field for error in row.errors]) for row in planned.rows] == [
        (2, []),
        (3, ["email"]),
        (4, ["surname"]),
    ]
    with pytest.raises(ImportStopped) as stopped:
        carry_out(planned, actor=None)
    assert stopped.value.reason == importing.ROWS_REFUSED
    assert not Person.objects.exists()
    assert not AuditEvent.objects.exists()
    carry_out(planned, actor=None, accept_partial=True)
    assert [row.personnel_number for row in Person.objects.all()] == ["N2"]


def test_every_fault_of_a_row_is_named_at_once() -> None:
    (row,) = plan(rows({"email": "x", "sid": "y", "kind": "z"})).rows
    assert [error.field for error in row.errors] == ["email", "sid", "kind"]


def test_a_personnel_number_stands_in_a_file_once() -> None:
    same = {"personnel_number": "1"}
    assert outcomes(same, same, same) == ["create", "refused", "refused"]
    assert "line 2" in refusal(same, same)[2]


def test_managers_are_known_or_come_along() -> None:
    assert refusal({"manager": "nobody"})[:2] == (2, "manager")
    assert refusal({"manager": "N2"})[1] == "manager"
    assert outcomes({"manager": "N3"}, {"manager": "N2"}) == ["create", "create"]
    boss = person("ada")
    assert outcomes({"manager": boss.personnel_number}) == ["create"]


def test_who_reports_to_a_refused_row_is_refused_too() -> None:
    chain = ({"email": "bad"}, {"manager": "N2"}, {"manager": "N3"}, {})
    assert outcomes(*chain) == ["refused", "refused", "refused", "create"]


def test_the_audit_log_says_how_many_and_which_lines() -> None:
    ada = person("ada")
    carry_out(
        plan(rows({}, row_of(ada), {"email": "bad"}, row_of(person("paul"), department="X"))),
        actor=ada,
        accept_partial=True,
    )
    event = AuditEvent.objects.get(name=Event.PERSONS_IMPORTED.value)
    assert event.actor == ada
    assert event.facts["counts"] == {"create": 1, "update": 1, "unchanged": 1, "waits": 0, "refused": 1}
    assert event.facts["refused_lines"] == [4]


# --- What stops the whole --------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["inactive", "locked"])
def test_more_than_five_percent_leaving_stops_the_import(state: str) -> None:
    everybody = crowd(40)
    carry_out(plan(rows(*(row_of(row, state=state) for row in everybody[:2]))), actor=None)
    with pytest.raises(ImportStopped, match="deactivate or lock 3 of"):
        carry_out(plan(rows(*(row_of(row, state=state) for row in everybody[2:5]))), actor=None)
    assert Person.objects.filter(state=state).count() == 2


def test_the_guard_writes_numbers_as_the_language_does() -> None:
    leaving = PlannedRow(2, "N2", person=Person(), changes={"state": "locked"})
    planned = ImportPlan((leaving,) * 1100, (), persons=20_000, emails=0)
    assert "1,100 of 20,000 persons, more than 5 %" in str(importing.guard(planned))
    with translation.override("de"):
        assert "1.100 von 20.000 Personen" in str(importing.guard(planned))


def test_more_than_five_percent_of_the_addresses_changed_stops_the_import() -> None:
    everybody = crowd(40)
    changed = [row_of(row, email=f"new{row.personnel_number}@example.com") for row in everybody[:3]]
    with pytest.raises(ImportStopped, match="change 3 of 40 e-mail addresses"):
        carry_out(plan(rows(*changed)), actor=None)
    carry_out(plan(rows(*changed[:2])), actor=None)


def test_a_plan_that_has_grown_old_is_not_carried_out() -> None:
    ada = person("ada")
    planned = plan(rows(row_of(ada, department="X"), {}))
    Person.objects.filter(pk=ada.pk).update(department="Y")
    carry_out(planned, actor=None)
    planned = plan(rows({"personnel_number": "late"}))
    person("late", personnel_number="late")
    with pytest.raises(ImportStopped, match="Persons have changed"):
        carry_out(planned, actor=None)


def test_the_last_system_administrator_is_not_sent_away() -> None:
    sven, second, *_others = crowd(40)
    for each in (sven, second):
        Account.objects.create_account(username=each.personnel_number, person=each, password=None)
        RoleAssignment.objects.create(person=each, role=Role.SYSTEM_ADMINISTRATOR)
    both = [row_of(sven, state="inactive"), row_of(second, state="locked")]
    with pytest.raises(ImportStopped, match="last System Administrator"):
        carry_out(plan(rows(*both)), actor=None)
    assert not Person.objects.exclude(state="active").exists()
    carry_out(plan(rows(both[0])), actor=None)
    assert refusal(both[1])[1] == "state"


def test_a_fault_in_the_middle_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ada = person("ada")

    def fail(*_args: Any, **_options: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(importing.audit, "record", fail)
    with pytest.raises(OSError, match="disk full"):
        carry_out(plan(rows({}, row_of(ada, department="X"))), actor=None)
    assert [row.department for row in Person.objects.all()] == ["Research"]
