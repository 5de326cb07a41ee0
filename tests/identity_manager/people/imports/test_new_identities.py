"""E-mail, UPN and SID of new persons wait for a second officer, whichever way they come."""

from collections.abc import Callable

import pytest

from identity_manager.audit import Event
from identity_manager.directory import csv_file
from identity_manager.models import (
    AuditEvent,
    IdentityChange,
    OutgoingMail,
    Person,
    PersonImport,
    PersonSource,
    Role,
)
from identity_manager.people import persons
from identity_manager.people.identity import identity_changes
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports import identities
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.people import imports, leave_and_return, sign_in_code_policy, sign_in_codes
from identity_manager.workflow.policy import eligibility
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
IDENTITY = {
    "email": "nina@example.com",
    "upn": "nina@corp.example.com",
    "sid": "S-1-5-21-4-5-6-4711",
}
VALUES = {
    "personnel_number": "N-1", "given_name": "Nina", "surname": "Neu", "organisational_unit": "Nord",
    "kind": "employee", "language": "en", "time_zone": "Europe/Berlin",
}  # fmt: skip
HEAD = "personnel_number,given_name,surname,organisational_unit,state,email,upn,sid\n"


@pytest.fixture
def rita() -> Person:
    return cast.person("rita")


@pytest.fixture
def rolf() -> Person:
    return cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid="")


def by_hand(rita: Person) -> Person:
    return persons.enter(actor=rita, values=VALUES | IDENTITY, active=True)


def line(number: int, **other: str) -> str:
    values = {
        "email": f"n{number}@example.com",
        "upn": f"n{number}@corp.example.com",
        "sid": f"S-1-5-21-4-5-6-{number}",
        **other,
    }
    return f"N-{number},Nina,Neu,Nord,active,{values['email']},{values['upn']},{values['sid']}\n"


def imported(rita: Person, *lines: str) -> PersonImport:
    row = imports.upload(actor=rita, file_name="new.csv", content=(HEAD + "".join(lines)).encode())
    planned = imports.plan_of(row)
    assert planned is not None
    return imports.carry_out(actor=rita, import_id=row.pk, digest=planned.digest, accept_partial=False)


def by_a_file(rita: Person) -> Person:
    imported(rita, line(1, **IDENTITY))
    return Person.objects.get(personnel_number="N-1")


WAYS: dict[str, Callable[[Person], Person]] = {"by hand": by_hand, "by a file": by_a_file}
WAY = pytest.mark.parametrize("way", WAYS)


@WAY
def test_the_identity_of_a_new_person_waits_and_is_nobodys_meanwhile(way: str, rita: Person) -> None:
    made = Person.objects.get(pk=WAYS[way](rita).pk)
    assert (made.email, made.upn, made.sid, made.entered_by) == ("", "", "", rita)
    change = IdentityChange.objects.get()
    assert (change.person, change.new, change.asked_by, change.is_entry) == (made, IDENTITY, rita, True)
    assert not OutgoingMail.objects.exists()


@WAY
def test_what_is_not_possible_meanwhile_says_that_it_waits(way: str, rita: Person) -> None:
    ada = cast.person("ada")
    made = WAYS[way](rita)
    assert eligibility.enable_obstacle(ada, made) == eligibility.EMAIL_WAITS
    with pytest.raises(NotPossible):
        cast.enabled(ada, made)
    Person.objects.filter(pk=made.pk).update(email="nina@example.com")
    smartcard = cast.token_type("logon", profiles=("logon",))
    cast.profile("logon")
    profile = smartcard.ordered_profiles()[0]
    type(profile).objects.filter(pk=profile.pk).update(subject_alt_names=[["upn", "{upn}"]])
    choices = eligibility.type_choices(Person.objects.get(pk=made.pk))
    (choice,) = [each for each in choices if each.token_type == smartcard]
    assert choice.reason is not None
    assert choice.reason.code == "fields-wait"
    assert "user principal name" in str(choice.reason)


@WAY
def test_a_second_officer_confirms_and_then_certificates_are_possible(
    way: str, rita: Person, rolf: Person
) -> None:
    made = WAYS[way](rita)
    change = IdentityChange.objects.get()
    with pytest.raises(NotAllowed):
        identity_changes.confirm(actor=rita, change_id=change.pk)
    identity_changes.confirm(actor=rolf, change_id=change.pk)
    made = Person.objects.get(pk=made.pk)
    assert {name: getattr(made, name) for name in IDENTITY} == IDENTITY
    assert cast.enabled(cast.person("ada"), made).delivery_address == "nina@example.com"


@WAY
def test_no_sign_in_code_before_a_mail_can_tell_of_it(way: str, rita: Person, rolf: Person) -> None:
    made = WAYS[way](rita)
    with pytest.raises(NotPossible) as refused:
        sign_in_codes.ask(actor=rita, person_id=made.pk)
    assert refused.value.reason == sign_in_code_policy.IDENTITY_WAITS
    identity_changes.confirm(actor=rolf, change_id=IdentityChange.objects.get().pk)
    assert sign_in_codes.ask(actor=rita, person_id=made.pk)


def test_who_has_no_identity_waits_for_nobody(rita: Person) -> None:
    made = persons.enter(actor=rita, values=VALUES, active=True)
    assert not IdentityChange.objects.exists()
    assert sign_in_codes.ask(actor=rita, person_id=made.pk)


def test_a_corrected_field_keeps_the_others_and_who_entered_them_confirms_nothing(
    rita: Person, rolf: Person
) -> None:
    made = by_hand(rita)
    new = {"upn": "nina.neu@corp.example.com"}
    change = identity_changes.ask(made, new=new, source=PersonSource.MANUAL, actor=rolf)
    assert (change.new, change.is_entry) == (IDENTITY | new, True)
    for officer in (rita, rolf):
        with pytest.raises(NotAllowed):
            identity_changes.confirm(actor=officer, change_id=change.pk)
        assert not IdentityChange.objects.decidable_by(officer).exists()
    assert not change.second_officers().exists()
    assert not OutgoingMail.objects.exists()


def test_of_two_who_were_entered_with_one_identity_the_second_is_refused(rita: Person, rolf: Person) -> None:
    by_hand(rita)
    persons.enter(actor=rita, values=VALUES | IDENTITY | {"personnel_number": "N-2"}, active=True)
    first, second = IdentityChange.objects.order_by("asked_at")
    identity_changes.confirm(actor=rolf, change_id=first.pk)
    with pytest.raises(NotPossible) as refused:
        identity_changes.confirm(actor=rolf, change_id=second.pk)
    assert refused.value.reason.code == "taken-meanwhile"


# --- A whole import --------------------------------------------------------------------------------
def confirm(officer: Person, row: PersonImport) -> identities.Confirmed:
    digest = identities.digest_of(row)
    return identities.confirm(actor=officer, import_id=row.pk, digest=digest)


def test_a_second_officer_confirms_a_whole_import_at_once(rita: Person, rolf: Person) -> None:
    row = imported(rita, *(line(number) for number in range(1, 8)))
    versions = dict(Person.objects.values_list("pk", "version"))
    assert confirm(rolf, row).number == 7
    found = Person.objects.filter(personnel_number__startswith="N-").order_by("sid")
    assert [each.email for each in found] == [f"n{number}@example.com" for number in range(1, 8)]
    assert all(each.upn_key and each.version == versions[each.pk] + 1 for each in found)
    assert list(Person.objects.matching("n3@example.com")) == [found[2]]
    changes = IdentityChange.objects.all()
    assert {(each.state, each.decided_by) for each in changes} == {("confirmed", rolf)}
    assert AuditEvent.objects.filter(name=Event.IDENTITY_CHANGE_CONFIRMED.value, actor=rolf).count() == 7
    found[0].department = "Sales"
    found[0].save()  # the version is known


def test_who_imported_confirms_none_of_it(rita: Person, rolf: Person) -> None:
    row = imported(rita, line(1))
    with pytest.raises(NotAllowed) as refused:
        confirm(rita, row)
    assert refused.value.reason == identities.OWN_IMPORT
    assert not Person.objects.exclude(email="").filter(personnel_number="N-1").exists()


def test_an_officer_of_one_unit_confirms_no_import(rita: Person) -> None:
    row = imported(rita, line(1))
    limited = cast.person("rolf", roles=(), sid="")
    limited.roles.create(role=Role.REGISTRATION_OFFICER, organisational_unit="Nord")
    with pytest.raises(NotAllowed) as refused:
        confirm(limited, row)
    assert refused.value.reason == identities.NOT_EVERYWHERE


def test_what_cannot_be_confirmed_waits_on_with_its_reason(rita: Person, rolf: Person) -> None:
    row = imported(rita, *(line(number) for number in range(1, 6)))
    cast.person("sam", email="n2@example.com")
    leave_and_return.take_over_state(
        person_id=Person.objects.get(personnel_number="N-3").pk,
        state="locked",  # type: ignore[arg-type]  # a state's value
        actor=None,
    )
    done = confirm(rolf, row)
    assert done.number == 3
    assert {each.refused.reason.code for each in done.left} == {"taken-meanwhile"}
    states = dict(IdentityChange.objects.values_list("person__personnel_number", "state"))
    assert states == {
        **{f"N-{number}": "confirmed" for number in (1, 4, 5)},
        "N-2": "waiting",
        "N-3": "withdrawn",
    }


def test_identities_that_were_not_on_the_page_are_not_confirmed(rita: Person, rolf: Person) -> None:
    row = imported(rita, line(1))
    seen = identities.digest_of(row)
    made = Person.objects.get(personnel_number="N-1")
    other = {"upn": "evil@corp.example.com"}
    change = identity_changes.ask(made, new=other, source=PersonSource.CSV, actor=rita, person_import=row)
    with pytest.raises(Stale) as refused:
        identities.confirm(actor=rolf, import_id=row.pk, digest=seen)
    assert refused.value.reason == identities.OTHERS_NOW
    change.refresh_from_db()
    assert change.state == "waiting"


def test_a_value_that_is_given_away_at_this_moment_stops_nobody_else(
    rita: Person, rolf: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = imported(rita, line(1), line(2))
    write = identities._write

    def taken_now(changes: list[IdentityChange], *, actor: Person) -> None:
        Person.objects.filter(pk=rita.pk).update(sid="S-1-5-21-4-5-6-2")
        write(changes, actor=actor)

    monkeypatch.setattr(identities, "_write", taken_now)
    done = confirm(rolf, row)
    assert (done.number, len(done.left)) == (2, 0)  # the transaction took that back, too


def test_the_demo_is_trusted_and_an_import_by_the_operator_is_not(rolf: Person) -> None:
    content = (HEAD + line(1)).encode()
    planned = importing.plan(csv_file.read(content))
    imports.carry_out_on_the_machine(planned, file_name="a.csv", content=content, accept_partial=False)
    row = PersonImport.objects.get()
    assert (row.asked_by, row.state, row.counts["create"]) == (None, "done", 1)
    assert Person.objects.get(personnel_number="N-1").email == ""
    assert list(PersonImport.objects.with_identities_for(rolf)) == [row]
    assert confirm(rolf, row).number == 1
    assert not PersonImport.objects.with_identities_for(rolf).exists()


# --- Several small files ---------------------------------------------------------------------------
LEAVES = "personnel_number,given_name,surname,state\n"
MOVES = "personnel_number,given_name,surname,email\n"


def small_file(rita: Person, content: str) -> PersonImport:
    row = imports.upload(actor=rita, file_name="small.csv", content=content.encode())
    planned = imports.plan_of(row)
    assert planned is not None
    return imports.carry_out(actor=rita, import_id=row.pk, digest=planned.digest, accept_partial=False)


@pytest.mark.parametrize("state", ["inactive", "locked"])
def test_several_small_files_are_one_large_one_to_the_guard(state: str, rita: Person) -> None:
    crowd = [cast.person(f"crowd{number}", sid="") for number in range(45)]
    texts = [f"{LEAVES}{each.personnel_number},{each.given_name},{each.surname},{state}\n" for each in crowd]
    states = [small_file(rita, text).state for text in texts[:3]]
    assert states == ["done", "done", "waiting"]
    assert Person.objects.filter(state=state).count() == 2
    harmless = f"{LEAVES}{crowd[9].personnel_number},Other,Muster,active\n"
    assert small_file(rita, harmless).state == "done"  # it lets nobody leave


def test_several_small_files_with_new_addresses_are_one_large_one(rita: Person) -> None:
    crowd = [cast.person(f"crowd{number}", sid="") for number in range(45)]
    texts = [
        f"{MOVES}{each.personnel_number},{each.given_name},{each.surname},new{each.email}\n" for each in crowd
    ]
    assert [small_file(rita, text).state for text in texts[:3]] == ["done", "done", "waiting"]


def test_what_lies_a_day_back_counts_no_more(rita: Person) -> None:
    crowd = [cast.person(f"crowd{number}", sid="") for number in range(45)]
    texts = [f"{LEAVES}{each.personnel_number},{each.given_name},{each.surname},inactive\n" for each in crowd]
    small_file(rita, texts[0])
    small_file(rita, texts[1])
    PersonImport.objects.update(ended_at="2020-01-01T00:00:00Z")
    assert small_file(rita, texts[2]).state == "done"


def test_the_operators_files_count_too(rita: Person) -> None:
    crowd = [cast.person(f"crowd{number}", sid="") for number in range(45)]
    texts = [f"{LEAVES}{each.personnel_number},{each.given_name},{each.surname},inactive\n" for each in crowd]
    for text in texts[:2]:
        planned = importing.plan(csv_file.read(text.encode()))
        imports.carry_out_on_the_machine(
            planned, file_name="x.csv", content=text.encode(), accept_partial=False
        )
    planned = importing.plan(csv_file.read(texts[2].encode()))
    with pytest.raises(Refused, match="last 24 hours"):
        imports.carry_out_on_the_machine(planned, file_name="x.csv", content=b"", accept_partial=False)
    assert PersonImport.objects.count() == 2
    assert small_file(rita, texts[2]).state == "waiting"


def test_new_persons_make_no_room_for_those_who_leave(rita: Person) -> None:
    crowd = [cast.person(f"crowd{number}", sid="") for number in range(45)]
    imported(rita, *(line(number) for number in range(1, 120)))
    gone = "".join(
        f"{each.personnel_number},{each.given_name},{each.surname},inactive\n" for each in crowd[:5]
    )
    assert small_file(rita, LEAVES + gone).state == "waiting"
