"""What a directory owns is not changed by hand nor by files; the refusal names the source."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_manager.directory.configuration import parse
from identity_manager.directory.csv_file import CsvRow
from identity_manager.models import EntryState, Person, PersonState, RunMode
from identity_manager.people import persons
from identity_manager.people.imports.plan import plan
from identity_manager.transactions.refusals import NotPossible, Stale
from identity_manager.workflow.people import directory_decisions, leave_and_return
from tests.tools import cast
from tests.tools.directory import FakeDirectory, run

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def nina(corp: FakeDirectory) -> Person:
    corp.add("nina")
    corp.add("zoe")
    run()
    return Person.objects.get(personnel_number="D-nina")


def edit(nina: Person, **values: str) -> Any:
    nina.refresh_from_db()
    given = {"given_name": nina.given_name, "surname": nina.surname} | values
    return persons.edit(actor=cast.person("rita"), person_id=nina.pk, version=nina.version, values=given)


@pytest.mark.parametrize("change", [{"surname": "Berg"}, {"email": "else@example.com"}, {"manager": "D-zoe"}])
def test_an_owned_field_is_not_edited(nina: Person, change: dict[str, str]) -> None:
    with pytest.raises(NotPossible) as refused:
        edit(nina, **change)
    assert (refused.value.reason.code, refused.value.field) == ("owned-by-directory", next(iter(change)))
    assert "Corp" in str(refused.value)


def test_what_the_directory_does_not_have_is_edited(nina: Person) -> None:
    edit(nina, language="de")
    nina.refresh_from_db()
    assert nina.language == "de"


def test_a_file_does_not_change_what_a_directory_owns(nina: Person) -> None:
    row = {"personnel_number": "D-nina", "given_name": "Nina", "surname": "Berg"}
    (planned,) = plan([CsvRow(2, row)]).rows
    assert "Corp" in planned.errors[0].sentence
    (planned,) = plan([CsvRow(2, {**row, "surname": "Falk", "state": "inactive"})]).rows
    assert planned.errors[0].field == "state"


def test_who_is_disabled_there_is_not_activated_by_hand(corp: FakeDirectory, nina: Person) -> None:
    corp.add("nina", state=EntryState.DISABLED)
    run()
    with pytest.raises(NotPossible) as refused:
        leave_and_return.activate(actor=cast.person("rita"), person_id=nina.pk)
    assert "Corp" in str(refused.value)


def test_an_officer_still_locks_a_person_and_the_directory_does_not_undo_it(
    corp: FakeDirectory, nina: Person
) -> None:
    rita = cast.person("rita")
    leave_and_return.deactivate(actor=rita, person_id=nina.pk, reason="Under suspicion")
    corp.add("nina", department="Sales")

    run()

    nina.refresh_from_db()
    assert (nina.state, nina.department) == (PersonState.INACTIVE, "Sales")


def test_an_ended_link_lets_the_new_account_in_and_its_identity_waits(
    corp: FakeDirectory, nina: Person
) -> None:
    rita = cast.person("rita")
    with pytest.raises(Stale):
        directory_decisions.end_link(actor=rita, person_id=nina.pk)
    del corp.entries["id-nina"]
    corp.add("nina", external_id="id-again", sid="S-1-5-21-7-8-9-4711")
    run(RunMode.FULL)

    directory_decisions.end_link(actor=rita, person_id=nina.pk)
    run(RunMode.FULL)

    nina.refresh_from_db()
    assert nina.directory_link.external_id == "id-again"
    assert nina.sid != "S-1-5-21-7-8-9-4711"
    assert nina.identity_changes.get().new == {"sid": "S-1-5-21-7-8-9-4711"}


def test_a_configuration_says_what_is_wrong_and_never_the_secret() -> None:
    good = {"kind": "ldap", "fields": {"personnel_number": "a", "given_name": "b", "surname": "c"}}
    for bad in (
        good | {"kind": "nis"},
        good | {"fields": {"surname": "c"}},
        good | {"colour": "blue"},
        good | {"leavers": {"absent": "forget"}},
        good | {"every_minutes": 0},
    ):
        with pytest.raises(ImproperlyConfigured) as wrong:
            parse("corp", bad, secret="s3cret")
        assert "corp" in str(wrong.value)
        assert "s3cret" not in str(wrong.value)
    assert "s3cret" not in repr(parse("corp", good, secret="s3cret"))
