"""The page where a one-time code is exchanged for a password."""

import logging

import pytest
from django.http import HttpResponse
from django.test import Client

from identity_manager.models import Account, AuditEvent, Person, PersonState, SignInCode
from identity_manager.workflow.people import sign_in_codes
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, PASSWORD, Office, account
from tests.identity_manager.account.sign_in.test_password import words
from tests.tools import cast

pytestmark = pytest.mark.django_db
PAGE = "/account/first-sign-in/"
WRONG_CODE = "22222-22222-22222-22222"


def code_for(office: Office, person: Person) -> str:
    asked = sign_in_codes.ask(actor=office.rita, person_id=person.pk)
    return sign_in_codes.make(actor=office.rita, code_id=asked.pk)


def send(
    client: Client, code: str, name: str = "P-uma", *, instead: dict[str, str] | None = None
) -> HttpResponse:
    typed = {"name": name, "code": code, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    return client.post(PAGE, typed | (instead or {}))


def test_a_code_and_a_new_password_sign_in(client: Client, office: Office) -> None:
    response = send(client, code_for(office, office.uma))
    assert (response.status_code, response["Location"]) == (302, "/my/")
    assert client.session["_auth_user_id"] == str(Account.objects.get().pk)
    assert AuditEvent.objects.get(name="account.signed-in").facts == {"method": "code"}
    assert Client().post("/account/login/", {"login": "P-uma", "password": NEW_PASSWORD}).status_code == 302


def test_it_leads_to_where_the_person_was_going(client: Client, office: Office) -> None:
    entrance = client.get("/account/login/?next=/my/open-tasks/").content.decode()
    assert f'href="{PAGE}?next=/my/open-tasks/"' in entrance
    going = '<input type="hidden" name="next" value="/my/open-tasks/">'
    assert going in client.get(f"{PAGE}?next=/my/open-tasks/").content.decode()
    wanted = {"next": "/my/open-tasks/"}
    assert going in send(client, WRONG_CODE, instead=wanted).content.decode()
    response = send(client, code_for(office, office.uma), instead=wanted)
    assert response["Location"] == "/my/open-tasks/"


def test_it_leads_to_no_other_site(client: Client, office: Office) -> None:
    response = send(client, code_for(office, office.uma), instead={"next": "https://evil.example/"})
    assert response["Location"] == "/my/"


def test_the_sign_in_page_says_what_the_user_name_is(client: Client) -> None:
    assert "For most people it is the personnel number." in client.get("/account/login/").content.decode()


def test_the_session_key_is_new(client: Client, office: Office) -> None:
    session = client.session
    session["planted"] = "by somebody"
    session.save()
    client.cookies["sessionid"] = session.session_key
    send(client, code_for(office, office.uma))
    assert client.session.session_key != session.session_key


def test_who_sits_there_already_is_signed_out_first(client: Client, office: Office) -> None:
    account(cast.person("sam"))
    client.post("/account/login/", {"login": "sam", "password": PASSWORD})
    send(client, code_for(office, office.uma))
    assert client.session["_auth_user_id"] == str(Account.objects.get(person=office.uma).pk)


def test_old_sessions_end_with_the_old_password(client: Client, office: Office) -> None:
    account(office.uma)
    elsewhere = Client()
    elsewhere.post("/account/login/", {"login": "uma", "password": PASSWORD})
    assert elsewhere.get("/account/password/change/").status_code == 200
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.confirm(actor=office.rolf, code_id=asked.pk)
    send(client, sign_in_codes.make(actor=office.rita, code_id=asked.pk))
    assert elsewhere.get("/account/password/change/").status_code == 302


def test_who_sits_there_already_uses_the_own_code(client: Client, office: Office) -> None:
    """The code ends every session of the account, this one included, and begins a new one."""
    account(office.uma)
    client.post("/account/login/", {"login": "uma", "password": PASSWORD})
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.confirm(actor=office.rolf, code_id=asked.pk)
    response = send(client, sign_in_codes.make(actor=office.rita, code_id=asked.pk))
    assert (response.status_code, response["Location"]) == (302, "/my/")
    assert client.get("/account/").status_code == 200


REFUSALS = ["wrong", "nobody", "without a code", "used", "withdrawn", "inactive", "locked", "closed"]


def refused(office: Office, kind: str) -> tuple[str, str]:
    """A name and a code that do not fit, each for its own reason."""
    if kind == "nobody":
        return "P-nobody", WRONG_CODE
    if kind == "without a code":
        return "P-rolf", WRONG_CODE
    account(office.uma)
    code = code_for(office, office.uma)
    if kind == "wrong":
        return "P-uma", WRONG_CODE
    if kind == "used":
        sign_in_codes.redeem(name="P-uma", code=code, new_password=PASSWORD)
    elif kind == "withdrawn":
        sign_in_codes.withdraw(actor=office.rolf, code_id=SignInCode.objects.get().pk)
    elif kind == "closed":
        Account.objects.update(is_active=False)
    else:
        person = Person.objects.get(pk=office.uma.pk)
        person.deactivate() if kind == PersonState.INACTIVE else person.lock()
        person.save()
    return "P-uma", code


@pytest.mark.parametrize("kind", REFUSALS)
def test_every_refusal_is_answered_alike(client: Client, office: Office, kind: str) -> None:
    expected = send(Client(), WRONG_CODE, "P-somebody")
    name, code = refused(office, kind)
    passwords = set(Account.objects.values_list("password", flat=True))
    response = send(client, code, name)
    assert response.status_code == expected.status_code == 422
    assert words(response) == words(expected)
    assert "_auth_user_id" not in client.session
    assert set(Account.objects.values_list("password", flat=True)) == passwords
    assert AuditEvent.objects.filter(name="account.sign-in-failed").count() == 2


@pytest.mark.parametrize(
    "typed",
    [
        {"password_again": "another password"},
        {"password": "short", "password_again": "short"},
        {"password": "password123456", "password_again": "password123456"},
        {"password": "", "password_again": ""},
        {"name": ""},
        {"code": ""},
        {"name": "\x00"},
        {"name": "x" * 65},
        {"code": "x" * 65},
    ],
)
def test_a_form_that_is_not_right_spends_no_code(
    client: Client, office: Office, typed: dict[str, str]
) -> None:
    code = code_for(office, office.uma)
    response = send(client, code, instead=typed)
    assert response.status_code == 422
    assert NEW_PASSWORD not in response.content.decode()
    row = SignInCode.objects.get()
    assert (row.used_at, row.failed_attempts) == (None, 0)
    assert send(client, code).status_code == 302


def test_a_bad_password_says_nothing_of_the_code(client: Client, office: Office) -> None:
    code = code_for(office, office.uma)
    short = {"password": "short", "password_again": "short"}
    right = send(client, code, instead=short)
    wrong = send(client, WRONG_CODE, instead=short)
    assert words(right) == words(wrong)


@pytest.mark.parametrize("name", ["P-uma", "P-nobody"])
def test_ten_tries_for_a_name_are_enough(client: Client, office: Office, name: str) -> None:
    code_for(office, office.uma)
    statuses = [send(client, WRONG_CODE, name).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_twenty_tries_from_one_address_are_enough(client: Client, office: Office) -> None:
    statuses = [send(client, WRONG_CODE, f"P-{number}").status_code for number in range(21)]
    assert statuses == [422] * 20 + [429]


def test_nothing_typed_is_in_logs_audit_or_session(
    client: Client, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = code_for(office, office.uma)
    send(client, WRONG_CODE)
    send(client, code)
    events = "".join(str(event.facts) for event in AuditEvent.objects.all())
    for sink in (caplog.text, events, str(dict(client.session.items()))):
        assert code not in sink
        assert WRONG_CODE not in sink
        assert NEW_PASSWORD not in sink


def test_the_login_page_leads_here(client: Client, db: None) -> None:
    assert PAGE in client.get("/account/login/").content.decode()
