"""The pages on which a person is erased."""

from datetime import timedelta

import pytest
from django.utils import timezone

from identity_manager.models import Person, PersonErasure, Role
from identity_manager.people import erasure as erasing
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def leaver(company: Company) -> Person:
    person = cast.person("eve", state="locked", roles=(), sid="")
    Person.objects.filter(pk=person.pk).update(updated_at=timezone.now() - timedelta(days=400))
    return Person.objects.get(pk=person.pk)


def test_one_officer_asks_and_another_erases(company: Company, leaver: Person) -> None:
    rita, rolf = signed_in(company.rita), signed_in(officer("rolf", Role.REGISTRATION_OFFICER, sid=""), 0)
    assert f"/persons/{leaver.pk}/erase/" in rita.get(f"/persons/{leaver.pk}/").text
    page = f"/persons/{leaver.pk}/erase/"
    assert "It cannot be undone" in rita.get(page).text
    rita.post(page)
    erasure = PersonErasure.objects.get()
    own = rita.get(page).text
    assert "Another Registration Officer confirms it." in own
    assert f"/erasures/{erasure.pk}/confirm/" not in own

    assert [row.pk for row in tasks(rolf.get("/open-tasks/"), "erasures-to-confirm")] == [erasure.pk]
    assert tasks(rita.get("/open-tasks/"), "erasures-to-confirm") == []
    assert f"/erasures/{erasure.pk}/confirm/" in rolf.get(page).text
    rolf.post(f"/erasures/{erasure.pk}/confirm/")
    erasure.refresh_from_db()
    assert erasure.erased_at
    assert Person.objects.get(pk=leaver.pk).given_name == "Erased person"


def test_the_page_leads_back_where_nobody_can_be_erased(company: Company) -> None:
    page = signed_in(company.rita).get(f"/persons/{company.uma.pk}/erase/").text
    assert "This cannot be done now" in page
    assert f'<a class="button" href="/persons/{company.uma.pk}/">Back to the person</a>' in page


def test_a_sign_in_that_is_not_recent_erases_nobody(company: Company, leaver: Person) -> None:
    erasure = erasing.ask(actor=company.rita, person_id=leaver.pk)
    rolf = signed_in(officer("rolf", Role.REGISTRATION_OFFICER, sid=""))
    response = rolf.post(f"/erasures/{erasure.pk}/confirm/")
    assert response.status_code == 302
    assert Person.objects.get(pk=leaver.pk).given_name == "Eve"


def test_the_one_who_asked_does_not_confirm(company: Company, leaver: Person) -> None:
    erasure = erasing.ask(actor=company.rita, person_id=leaver.pk)
    response = signed_in(company.rita, 0).post(f"/erasures/{erasure.pk}/confirm/")
    assert response.status_code == 403
    assert "A second officer confirms" in response.text
    assert Person.objects.get(pk=leaver.pk).given_name == "Eve"


def test_it_is_called_off(company: Company, leaver: Person) -> None:
    erasure = erasing.ask(actor=company.rita, person_id=leaver.pk)
    signed_in(company.rita).post(f"/erasures/{erasure.pk}/withdraw/")
    erasure.refresh_from_db()
    assert erasure.withdrawn_at


def test_why_it_is_not_possible_is_said(company: Company) -> None:
    page = signed_in(company.rita).get(f"/persons/{company.uma.pk}/erase/")
    assert "Only a person who is Locked can be erased." in page.text
    assert "Ask for the erasure" not in page.text
    assert signed_in(company.rita).post(f"/persons/{company.uma.pk}/erase/").status_code == 422
    assert not PersonErasure.objects.exists()


def test_who_is_erased_is_shown_as_that(company: Company, leaver: Person) -> None:
    rolf = officer("rolf", Role.REGISTRATION_OFFICER, sid="")
    erasing.confirm(actor=rolf, erasure_id=erasing.ask(actor=company.rita, person_id=leaver.pk).pk)
    page = signed_in(company.rita).get(f"/persons/{leaver.pk}/")
    assert "Erased person" in page.text
    assert "Eve" not in page.text
    assert f"/persons/{leaver.pk}/erase/" not in page.text
