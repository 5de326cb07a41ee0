"""Persons are created and activated by those who may."""

import pytest

from identity_manager.audit import Event
from identity_manager.models import AuditEvent, Person, Role
from identity_manager.people import persons
from identity_manager.workflow.errors import NotAllowed, NotPossible
from tests.cast import person

pytestmark = pytest.mark.django_db
VALUES = {"personnel_number": "1", "given_name": "Ada", "surname": "Berg", "email": "a@example.com"}


@pytest.mark.parametrize("state", ["registered", "inactive"])
def test_a_registration_officer_activates(state: str) -> None:
    rita, uma = person("rita"), person("uma", state=state)
    assert persons.activate(actor=rita, person_id=uma.pk).state == "active"
    assert Person.objects.get(pk=uma.pk).state == "active"
    assert AuditEvent.objects.get().name == Event.PERSON_ACTIVATED.value


@pytest.mark.parametrize("state", ["active", "locked"])
def test_others_cannot_be_activated(state: str) -> None:
    rita, uma = person("rita"), person("uma", state=state)
    with pytest.raises(NotPossible):
        persons.activate(actor=rita, person_id=uma.pk)
    assert Person.objects.get(pk=uma.pk).state == state


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REGISTRATION_OFFICER])
def test_nobody_else_activates(role: Role) -> None:
    with pytest.raises(NotAllowed):
        persons.activate(actor=person("x", roles=(role,)), person_id=person("uma", state="inactive").pk)


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
