"""The officers' pages for one-time sign-in codes."""

import re

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from identity_manager.models import (
    Account,
    AuditEvent,
    Person,
    PersonState,
    Role,
    RoleAssignment,
    SignInCode,
)
from identity_manager.workflow.people import sign_in_codes
from tests.identity_manager.account.sign_in.conftest import PASSWORD, Office, account
from tests.tools import cast

pytestmark = pytest.mark.django_db
CODE = re.compile(r"(?:[2-9A-HJ-NP-Z]{5}-){3}[2-9A-HJ-NP-Z]{5}")


def signed_in(person: Person) -> Client:
    client = Client()
    name = person.given_name.lower()
    if not Account.objects.filter(person=person).exists():
        account(person)
    client.post("/account/login/", {"login": name, "password": PASSWORD})
    return client


@pytest.fixture
def rita(office: Office) -> Client:
    return signed_in(office.rita)


@pytest.fixture
def rolf(office: Office) -> Client:
    return signed_in(office.rolf)


def ask_page(person: Person) -> str:
    return f"/persons/{person.pk}/sign-in-code/"


def code_page(row: SignInCode, more: str = "") -> str:
    return f"/sign-in-codes/{row.pk}/{more}"


def codes_in(response: HttpResponse) -> list[str]:
    """Codes that can be read on the page, the groups put together."""
    text = re.sub(r"<[^>]+>", "", response.content.decode())
    return CODE.findall(re.sub(r"\s*-\s*", "-", text))


def waiting(office: Office) -> SignInCode:
    account(office.uma)
    Account.objects.filter(person=office.uma).update(last_login=timezone.now())
    return sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)


def test_a_code_that_was_overtaken_says_by_what(rita: Client, office: Office) -> None:
    row = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    account(office.uma)
    Account.objects.filter(person=office.uma).update(last_login=timezone.now())

    page = rita.get(code_page(row)).text

    assert "The person has signed in without it, or got a role meanwhile." in page
    assert re.search(r'<span class="badge[^>]*>(?:<svg.*?</svg>)?\s*Overtaken</span>', page)
    assert "not used in time" not in page


def test_from_the_person_to_the_code(rita: Client, office: Office) -> None:
    assert rita.get(ask_page(office.uma)).status_code == 200
    response = rita.post(ask_page(office.uma))
    row = SignInCode.objects.get()
    assert response["Location"] == code_page(row)
    assert not codes_in(rita.get(code_page(row)))
    response = rita.post(code_page(row))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    (code,) = codes_in(response)
    sign_in_codes.redeem(name="P-uma", code=code, new_password=PASSWORD)


def test_the_code_is_shown_this_once(rita: Client, office: Office) -> None:
    row = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    (code,) = codes_in(rita.post(code_page(row)))
    again = rita.post(code_page(row))
    assert again.status_code == 409
    for response in (again, rita.get(code_page(row)), rita.get(ask_page(office.uma))):
        assert not codes_in(response)
        assert code not in response.content.decode()
    assert code not in str(dict(rita.session.items()))


def test_making_needs_a_recent_sign_in(rita: Client, office: Office) -> None:
    row = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    with time_machine.travel(timezone.now().timestamp() + 3600):
        response = rita.post(code_page(row))
    assert response["Location"].startswith("/account/reauthenticate/?next=")
    assert SignInCode.objects.get().made_at is None


def test_a_second_officer_confirms(rita: Client, rolf: Client, office: Office) -> None:
    row = waiting(office)
    response = rita.post(code_page(row))
    assert response.status_code == 409
    assert not codes_in(response)
    assert "Rolf" in rita.get(code_page(row)).content.decode()
    assert code_page(row, "confirm/") not in rita.get(code_page(row)).content.decode()
    assert code_page(row, "confirm/") in rolf.get(code_page(row)).content.decode()
    assert rita.post(code_page(row, "confirm/")).status_code == 403
    assert rolf.post(code_page(row, "confirm/"))["Location"] == code_page(row)
    assert rolf.post(code_page(row, "confirm/")).status_code == 409
    assert rolf.post(code_page(row)).status_code == 403
    assert len(codes_in(rita.post(code_page(row)))) == 1


def test_where_there_is_no_second_officer_the_page_says_so(rita: Client, office: Office) -> None:
    RoleAssignment.objects.filter(person=office.rolf).delete()
    page = rita.get(code_page(waiting(office))).content.decode()
    assert "Nobody else is a Registration Officer" in page


def test_withdrawn_after_a_confirmation_page(rolf: Client, office: Office) -> None:
    row = waiting(office)
    assert rolf.get(code_page(row, "withdraw/")).status_code == 200
    assert SignInCode.objects.get().withdrawn_at is None
    assert rolf.post(code_page(row, "withdraw/"))["Location"] == code_page(row)
    assert SignInCode.objects.get().withdrawn_at
    assert rolf.post(code_page(row, "withdraw/")).status_code == 409
    assert rolf.post(code_page(row, "confirm/")).status_code == 409


def test_what_is_lost_is_said_before(rita: Client, office: Office) -> None:
    request = cast.issued(cast.accepted(cast.enabled(cast.person("ada"), office.uma)))
    assert request.reference in rita.get(ask_page(office.uma)).content.decode()


def test_what_is_not_possible_is_said_instead_of_a_button(rita: Client, office: Office) -> None:
    uma = Person.objects.get(pk=office.uma.pk)
    uma.deactivate()
    uma.save()
    page = rita.get(ask_page(office.uma))
    assert page.status_code == 200
    assert "Inactive" in page.content.decode()
    assert 'name="csrfmiddlewaretoken"' not in page.content.decode().split("<main")[1]
    assert rita.post(ask_page(office.uma)).status_code == 422


def test_not_for_oneself(rita: Client, office: Office) -> None:
    assert rita.post(ask_page(office.rita)).status_code == 403
    assert not SignInCode.objects.exists()


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.REGISTRATION_OFFICER}))
def test_for_registration_officers_only(office: Office, role: Role) -> None:
    other = signed_in(cast.person("otto", roles=(role,)))
    row = waiting(office)
    events = events_told()
    for path in (ask_page(office.uma), code_page(row), code_page(row, "withdraw/")):
        assert other.get(path).status_code in (403, 404)
        assert other.post(path).status_code in (403, 404)
    assert other.post(code_page(row, "confirm/")).status_code in (403, 404)
    assert events_told() == events


def test_another_unit_is_not_found(office: Office) -> None:
    south = cast.person("otto", roles=())
    RoleAssignment.objects.create(person=south, role=Role.REGISTRATION_OFFICER, organisational_unit="Süd")
    client = signed_in(south)
    row = waiting(office)
    for path in (ask_page(office.uma), code_page(row), code_page(row, "withdraw/")):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
    assert client.post(code_page(row, "confirm/")).status_code == 404


def test_nobody_without_signing_in(client: Client, office: Office) -> None:
    row = waiting(office)
    for path in (ask_page(office.uma), code_page(row), code_page(row, "confirm/")):
        assert client.post(path)["Location"].startswith("/account/login/")


def test_get_changes_nothing(rita: Client, rolf: Client, office: Office) -> None:
    row = waiting(office)
    before = (list(SignInCode.objects.values()), events_told())
    for client in (rita, rolf):
        for path in (ask_page(office.uma), code_page(row), code_page(row, "withdraw/")):
            assert client.get(path).status_code == 200
        assert client.get(code_page(row, "confirm/")).status_code == 405
    assert (
        list(SignInCode.objects.values()),
        events_told(),
    ) == before


@pytest.mark.parametrize("path", ["", "confirm/", "withdraw/"])
def test_a_forged_post_is_refused(office: Office, path: str) -> None:
    row = waiting(office)
    account(office.rolf)
    client = Client(enforce_csrf_checks=True)
    client.force_login(Account.objects.get(person=office.rolf))
    assert client.post(code_page(row, path)).status_code == 403
    assert SignInCode.objects.get().decided_at is None


def test_open_tasks_shows_what_waits_for_this_officer(rita: Client, rolf: Client, office: Office) -> None:
    row = waiting(office)
    assert code_page(row) in rolf.get("/open-tasks/").content.decode()
    assert code_page(row) not in rita.get("/open-tasks/").content.decode()
    sign_in_codes.confirm(actor=office.rolf, code_id=row.pk)
    assert code_page(row) not in rolf.get("/open-tasks/").content.decode()
    assert code_page(row) in rita.get("/open-tasks/").content.decode()


def test_the_persons_page_leads_to_it(rita: Client, office: Office) -> None:
    assert ask_page(office.uma) in rita.get(f"/persons/{office.uma.pk}/").content.decode()


def events_told() -> int:
    """How many events there are, but for those of refused pages."""
    return AuditEvent.objects.exclude(name="access.denied").count()


def test_what_cannot_be_made_any_more_says_why(rita: Client, office: Office) -> None:
    row = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    assert "Make and show the code" in rita.get(code_page(row)).text

    Person.objects.filter(pk=office.uma.pk).update(state=PersonState.INACTIVE)

    text = rita.get(code_page(row)).text
    assert "This person is Inactive." in text
    assert "Make and show the code" not in text
    assert code_page(row, "withdraw/") in text


def test_what_cannot_be_confirmed_any_more_says_why(rolf: Client, office: Office) -> None:
    row = waiting(office)
    assert code_page(row, "confirm/") in rolf.get(code_page(row)).text

    Person.objects.filter(pk=office.uma.pk).update(state=PersonState.INACTIVE)

    text = rolf.get(code_page(row)).text
    assert "This person is Inactive." in text
    assert code_page(row, "confirm/") not in text
    assert code_page(row, "withdraw/") in text
