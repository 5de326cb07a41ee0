"""Persons are entered and edited by those who may; e-mail, UPN and SID wait for a second officer."""

from unittest import mock

import pytest

from identity_manager.audit import Event
from identity_manager.models import AuditEvent, IdentityChange, Person, Role
from identity_manager.people import persons
from identity_manager.people.imports import uniqueness
from identity_manager.people.persons import Edited
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from tests.tools.cast import person

pytestmark = pytest.mark.django_db
VALUES = {"personnel_number": "1", "given_name": "Ada", "surname": "Berg", "email": "a@example.com"}


def test_a_new_person_is_checked_as_one_from_a_file() -> None:
    ada = persons.create_active(actor=None, values=VALUES | {"given_name": " Ada "})
    assert (ada.state, ada.display_name, ada.time_zone) == ("active", "Ada Berg", "Europe/Berlin")
    assert list(Person.objects.matching("berg")) == [ada]
    for values, field in (
        (VALUES, "personnel_number"),
        (VALUES | {"personnel_number": "2", "email": "A@EXAMPLE.com"}, "email"),
        (VALUES | {"personnel_number": "2", "surname": "B\u202eC"}, "surname"),
        ({"personnel_number": "2"}, "given_name"),
    ):
        with pytest.raises(NotPossible) as refused:
            persons.create_active(actor=None, values=values)
        assert refused.value.field == field
    assert Person.objects.count() == 1


def edit(actor: Person, who: Person, *, version: int | None = None, **values: str) -> Edited:
    present = {name: str(getattr(who, name) or "") for name in persons.EDITABLE}
    return persons.edit(
        actor=actor,
        person_id=who.pk,
        version=who.version if version is None else version,
        values=present | values,
    )


@pytest.mark.parametrize("active", [True, False])
def test_a_registration_officer_enters_a_person(*, active: bool) -> None:
    made = persons.enter(actor=person("rita"), values=VALUES | {"organisational_unit": "Nord"}, active=active)
    made = Person.objects.get(pk=made.pk)
    assert (made.state, made.email) == ("active" if active else "registered", "")
    change = IdentityChange.objects.get()
    assert (change.person, change.old, change.new, change.is_entry) == (
        made,
        {"email": ""},
        {"email": "a@example.com"},
        True,
    )
    names = AuditEvent.objects.order_by("pk").values_list("name", flat=True)
    assert list(names) == [Event.PERSON_CREATED.value, Event.IDENTITY_CHANGE_ASKED.value]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REGISTRATION_OFFICER])
def test_nobody_else_enters_or_edits(role: Role) -> None:
    actor, uma = person("x", roles=(role,)), person("uma")
    with pytest.raises(NotAllowed):
        persons.enter(actor=actor, values=VALUES, active=True)
    with pytest.raises(NotAllowed):
        edit(actor, uma, department="X")
    assert Person.objects.get(pk=uma.pk).version == uma.version


def test_an_officer_of_a_unit_keeps_to_it() -> None:
    rita = person("rita", roles=())
    rita.roles.create(role=Role.REGISTRATION_OFFICER, organisational_unit="Nord")
    uma = person("uma")
    with pytest.raises(NotAllowed) as refused:
        persons.enter(actor=rita, values=VALUES | {"organisational_unit": "Sued"}, active=True)
    assert refused.value.field == "organisational_unit"
    with pytest.raises(NotAllowed):
        edit(rita, uma, organisational_unit="Sued")
    edit(rita, uma, department="X")


def test_a_plain_field_is_written_at_once() -> None:
    rita, uma, boss = person("rita"), person("uma"), person("ada")
    edited = edit(rita, uma, surname="Sol", display_name="", manager=boss.personnel_number)
    assert edited.fields == ("display_name", "surname", "manager")
    uma = Person.objects.get(pk=uma.pk)
    assert (uma.display_name, uma.manager) == ("Uma Sol", boss)
    assert list(Person.objects.matching("sol")) == [uma]
    assert AuditEvent.objects.get().facts["fields"] == ["display_name", "surname", "manager"]


def test_nothing_different_changes_nothing() -> None:
    rita, uma = person("rita"), person("uma")
    assert edit(rita, uma) == Edited(uma, (), None)
    assert Person.objects.get(pk=uma.pk).version == uma.version
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "new@example.com"), ("upn", "new@corp.example.com"), ("sid", "S-1-5-21-7-7-7-7"), ("sid", "")],
)
def test_an_identity_waits(field: str, value: str) -> None:
    rita, uma = person("rita"), person("uma")
    before = getattr(uma, field)
    edited = edit(rita, uma, department="X", **{field: value})
    uma = Person.objects.get(pk=uma.pk)
    assert (uma.department, getattr(uma, field)) == ("X", before)
    change = IdentityChange.objects.get()
    assert edited.waits == change
    assert (change.old, change.new, change.asked_by) == ({field: before}, {field: value}, rita)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("surname", ""),
        ("email", "nobody"),
        ("email", "SAM@example.com"),
        ("manager", "nobody"),
        ("manager", "P-uma"),
        ("department", "=1+1"),
        ("time_zone", "Mars/Phobos"),
    ],
)
def test_a_bad_value_is_told_at_its_field_and_nothing_is_half_saved(field: str, value: str) -> None:
    rita, uma = person("rita"), person("uma")
    person("sam")
    with pytest.raises(NotPossible) as refused:
        edit(rita, uma, given_name="Other", **{field: value})
    assert refused.value.field == field
    assert Person.objects.get(pk=uma.pk).given_name == "Uma"
    assert not AuditEvent.objects.exists()


def test_a_page_that_has_grown_old_writes_nothing() -> None:
    rita, uma = person("rita"), person("uma")
    edit(rita, uma, department="X")
    with pytest.raises(Stale):
        edit(rita, uma, version=uma.version, department="Y")
    assert Person.objects.get(pk=uma.pk).department == "X"


def test_neither_oneself_nor_who_is_locked() -> None:
    rita, gone = person("rita"), person("uma", state="locked")
    for who in (rita, gone):
        with pytest.raises(Refused):
            edit(rita, who, department="X")


def test_who_is_entered_twice_at_the_same_moment_is_refused_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second officer's look sees nothing of what the first one has not committed yet."""
    persons.create_active(actor=None, values=VALUES)
    look = mock.Mock(side_effect=[{}, mock.DEFAULT], wraps=uniqueness.owners)
    monkeypatch.setattr(uniqueness, "owners", look)

    with pytest.raises(NotPossible) as refused:
        persons.create_active(actor=None, values=VALUES | {"personnel_number": "2"})

    assert (refused.value.reason, refused.value.field) == (persons.TAKEN, "email")
