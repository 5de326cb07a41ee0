"""Lost second factors: a sign-in code that was asked for with that in mind removes them when it is used."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from identity_manager.models import Account, AuditEvent, OutgoingMail, SignInCode
from identity_manager.people.sign_in import second_factors
from identity_manager.workflow.people import sign_in_codes
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, PASSWORD, Office, account

pytestmark = pytest.mark.django_db


@pytest.fixture
def uma(office: Office) -> Account:
    found = factors.with_app(account(office.uma))
    factors.signed_in(found, app=True)
    return found


def code_for(office: Office, *, resets: bool) -> str:
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk, resets_second_factors=resets)
    sign_in_codes.confirm(actor=office.rolf, code_id=asked.pk)
    return sign_in_codes.make(actor=office.rita, code_id=asked.pk)


def use(code: str) -> tuple[Client, str]:
    client = Client()
    typed = {"name": "uma", "code": code, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    return client, client.post("/account/first-sign-in/", typed)["Location"]


def test_it_removes_them_and_signs_in(uma: Account, office: Office) -> None:
    factors.with_codes(uma)
    elsewhere = factors.signed_in(uma, app=True)
    code = code_for(office, resets=True)
    assert second_factors.has_one(uma)
    client, location = use(code)
    assert location == "/my/"
    assert factors.is_signed_in(client)
    assert not Authenticator.objects.exists()
    assert elsewhere.get("/account/")["Location"].startswith("/account/login/")
    event = AuditEvent.objects.get(name="second-factors.reset")
    assert (event.actor, event.person) == (office.rita, office.uma)
    assert OutgoingMail.objects.filter(message="second_factors_reset", person=office.uma).count() == 1


def test_without_that_they_are_asked_for_as_before(uma: Account, office: Office) -> None:
    client, location = use(code_for(office, resets=False))
    assert location == "/account/login/second-step/"
    assert not factors.is_signed_in(client)
    assert second_factors.has_one(uma)


def test_the_second_step_leads_to_where_the_code_is_entered(uma: Account, office: Office) -> None:
    """Who has lost their factor stands there, with the code on a sheet of paper."""
    client, location = use(code_for(office, resets=False))
    assert '<a href="/account/first-sign-in/">Enter the code</a>' in client.get(location).text
    assert client.get("/account/first-sign-in/").status_code == 200


def test_from_the_second_step_it_leads_to_where_the_person_was_going(client: Client, uma: Account) -> None:
    going = "/my/open-tasks/"
    typed = {"login": "uma", "password": PASSWORD, "next": going}
    entrance = client.post("/account/login/", typed, follow=True).text
    assert f'<a href="/account/first-sign-in/?next={going}">Enter the code</a>' in entrance


def test_a_second_officer_always_confirms(uma: Account, office: Office) -> None:
    """Whoever has a second factor has signed in before."""
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk, resets_second_factors=True)
    assert asked.needs_confirmation


def test_asking_for_the_other_kind_is_another_code(uma: Account, office: Office) -> None:
    first = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    second = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk, resets_second_factors=True)
    assert first.pk != second.pk
    assert SignInCode.objects.get(pk=first.pk).withdrawn_at is not None


def test_the_page_offers_it_where_there_is_something_to_lose(uma: Account, office: Office) -> None:
    rita = factors.signed_in(account(office.rita))
    path = f"/persons/{office.uma.pk}/sign-in-code/"
    assert 'name="resets_second_factors"' in rita.get(path).content.decode()
    location = rita.post(path, {"resets_second_factors": "on"})["Location"]
    assert SignInCode.objects.get().resets_second_factors
    rolf = factors.signed_in(account(office.rolf))
    assert "removes all second factors" in rolf.get(location).content.decode()
    other = f"/persons/{office.rolf.pk}/sign-in-code/"
    assert 'name="resets_second_factors"' not in rita.get(other).content.decode()
