"""The account's pages for second factors, and the second step of a sign-in."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.test import Client

from identity_manager.models import Account, AuditEvent, OutgoingMail
from identity_manager.people.sign_in import second_factors
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, PASSWORD, account
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]
APP, STEP, CODES, AGAIN = (
    "/account/second-factors/app/",
    "/account/login/second-step/",
    "/account/recovery-codes/",
    "/account/reauthenticate/",
)
NOT_MOUNTED = [
    "signup/",
    "signup/passkey/",
    "email/",
    "confirm-email/",
    "confirm-email/abc/",
    "password/set/",
    "password/reset/",
    "password/reset/done/",
    "password/reset/key/1-2/",
    "login/code/",
    "login/code/confirm/",
    "inactive/",
    "2fa/",
    "2fa/authenticate/",
    "2fa/reauthenticate/",
    "2fa/totp/activate/",
    "2fa/totp/deactivate/",
    "2fa/recovery-codes/",
    "2fa/recovery-codes/download/",
    "2fa/webauthn/",
    "2fa/webauthn/add/",
    "2fa/webauthn/login/",
    "sessions/",
    "3rdparty/",
]


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def first_step(uma: Account) -> Client:
    client = Client()
    response = client.post("/account/login/", {"login": "uma", "password": PASSWORD})
    assert response["Location"] == STEP
    assert not factors.is_signed_in(client)
    return client


@pytest.mark.parametrize("path", NOT_MOUNTED)
def test_what_is_not_named_is_not_there(uma: Account, path: str) -> None:
    client = factors.signed_in(uma)
    assert client.get(f"/account/{path}").status_code == 404
    assert client.post(f"/account/{path}").status_code == 404


# --- Setting an app up
def test_an_app_is_set_up(uma: Account) -> None:
    client = factors.signed_in(uma)
    page = client.get(APP).content.decode()
    secret = factors.secret_on(page)
    assert 'class="qr"' in page
    assert "style=" not in page
    typed = {"code": factors.code(secret), "signed": factors.signed_on(page)}
    assert client.post(APP, typed)["Location"] == CODES
    assert second_factors.has_one(uma)
    assert secret not in str(dict(client.session.items()))
    assert client.get(APP)["Location"] == "/account/"


def test_the_page_with_the_secret_is_kept_nowhere(uma: Account) -> None:
    assert "no-store" in factors.signed_in(uma).get(APP)["Cache-Control"]


def test_a_wrong_code_keeps_the_same_secret(uma: Account) -> None:
    client = factors.signed_in(uma)
    page = client.get(APP).content.decode()
    secret = factors.secret_on(page)
    response = client.post(APP, {"code": factors.wrong(secret), "signed": factors.signed_on(page)})
    assert response.status_code == 422
    assert factors.secret_on(response.content.decode()) == secret
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("signed", ["", "nonsense", f"{factors.SECRET}:1:abc"])
def test_a_secret_that_we_did_not_make_is_not_taken(uma: Account, signed: str) -> None:
    client = factors.signed_in(uma)
    response = client.post(APP, {"code": factors.code(), "signed": signed})
    assert response.status_code == 422
    assert factors.secret_on(response.content.decode()) != factors.SECRET
    assert not Authenticator.objects.exists()


def test_one_accounts_secret_is_not_anothers(uma: Account) -> None:
    sam = factors.signed_in(account(cast.person("sam")))
    page = sam.get(APP).content.decode()
    typed = {"code": factors.code(factors.secret_on(page)), "signed": factors.signed_on(page)}
    assert factors.signed_in(uma).post(APP, typed).status_code == 422
    assert not Authenticator.objects.exists()


def test_guessing_while_setting_up_locks_out(uma: Account) -> None:
    client = factors.signed_in(uma)
    page = client.get(APP).content.decode()
    typed = {"code": factors.wrong(factors.secret_on(page)), "signed": factors.signed_on(page)}
    assert [client.post(APP, typed).status_code for _ in range(6)] == [422] * 5 + [429]


@pytest.mark.parametrize("path", [APP, "/account/passkeys/add/"])
def test_setting_up_needs_a_recent_sign_in(uma: Account, path: str) -> None:
    client = factors.signed_in(uma)
    with factors.later(3600):
        for method in (client.get, client.post):
            assert method(path)["Location"].startswith(f"{AGAIN}?next=")


def test_who_has_a_factor_shows_it_before_another_is_added(uma: Account) -> None:
    client = factors.signed_in(uma)
    factors.with_app(uma)
    assert client.get("/account/passkeys/add/")["Location"].startswith(AGAIN)


# --- The second step
def test_the_second_step_signs_in(uma: Account) -> None:
    factors.with_app(uma)
    client = first_step(uma)
    before = client.session.session_key
    assert client.get(STEP).status_code == 200
    assert client.post(STEP, {"code": factors.code()})["Location"] == "/my/"
    assert factors.is_signed_in(client)
    assert client.session.session_key != before
    assert AuditEvent.objects.get(name="account.signed-in").facts == {"method": "password+totp"}


def test_a_page_that_was_asked_for_is_reached_after_both_steps(uma: Account) -> None:
    factors.with_app(uma)
    client = Client()
    client.post("/account/login/?next=/account/", {"login": "uma", "password": PASSWORD, "next": "/account/"})
    assert client.post(STEP, {"code": factors.code()})["Location"] == "/account/"


def test_whose_factors_were_removed_meanwhile_begins_anew(uma: Account) -> None:
    factors.with_app(uma)
    client = first_step(uma)
    second_factors.reset(person_id=uma.person_id)
    page = client.get(STEP, follow=True)
    assert page.redirect_chain == [("/account/login/", 302)]
    assert page.status_code == 200
    assert not factors.is_signed_in(client)
    client.post("/account/login/", {"login": "uma", "password": PASSWORD})
    assert factors.is_signed_in(client)


def test_without_the_first_step_there_is_no_second(uma: Account) -> None:
    factors.with_app(uma)
    assert Client().get(STEP)["Location"] == "/account/login/"
    assert Client().post(STEP, {"code": factors.code()})["Location"] == "/account/login/"


def test_after_the_first_step_alone_nothing_opens(uma: Account) -> None:
    factors.with_app(uma)
    client = first_step(uma)
    for path in ("/my/", "/account/", "/account/password/change/", CODES):
        assert client.get(path)["Location"].startswith("/account/login/")


def test_a_wrong_code_is_refused_and_audited(uma: Account) -> None:
    factors.with_app(uma)
    client = first_step(uma)
    response = client.post(STEP, {"code": factors.wrong()})
    assert response.status_code == 422
    assert not factors.is_signed_in(client)
    failed = AuditEvent.objects.get(name="account.sign-in-failed")
    assert (failed.person, failed.facts["method"]) == (uma.person, "second-factor")


def test_guessing_codes_locks_out(uma: Account) -> None:
    factors.with_app(uma)
    client = first_step(uma)
    statuses = [client.post(STEP, {"code": factors.wrong()}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert client.post(STEP, {"code": factors.code()}).status_code == 429
    assert not factors.is_signed_in(client)


def test_right_codes_lock_nobody_out(uma: Account) -> None:
    factors.with_app(uma)
    codes = second_factors.make_recovery_codes(actor=uma.person)
    statuses = [first_step(uma).post(STEP, {"code": code}).status_code for code in codes[:6]]
    assert statuses == [302] * 6


def test_a_code_opens_once_in_all_its_steps(uma: Account) -> None:
    """A code of the step before is accepted, too; who read it over the shoulder is too late all the same."""
    factors.with_app(uma)
    code = factors.code()
    assert first_step(uma).post(STEP, {"code": code}).status_code == 302
    with factors.later(35):
        assert first_step(uma).post(STEP, {"code": code}).status_code == 422


def test_the_code_that_set_the_app_up_signs_in_no_more(uma: Account) -> None:
    client = factors.signed_in(uma)
    page = client.get(APP).content.decode()
    secret = factors.secret_on(page)
    code = factors.code(secret)
    assert client.post(APP, {"code": code, "signed": factors.signed_on(page)}).status_code == 302
    assert first_step(uma).post(STEP, {"code": code}).status_code == 422
    assert client.post(AGAIN, {"code": code}).status_code == 422
    with factors.later(35):
        assert first_step(uma).post(STEP, {"code": code}).status_code == 422
        assert first_step(uma).post(STEP, {"code": factors.code(secret)}).status_code == 302


def test_a_slow_clock_is_tolerated_by_one_step(uma: Account) -> None:
    factors.with_app(uma)
    assert first_step(uma).post(STEP, {"code": factors.code(steps=-2)}).status_code == 422
    assert first_step(uma).post(STEP, {"code": factors.code(steps=-1)}).status_code == 302


@pytest.mark.parametrize("code", ["", " ", "٣٤٥٦٧٨", "1" * 33, "\x00", "💥"])
def test_nonsense_is_refused_beside_the_field(uma: Account, code: str) -> None:
    factors.with_app(uma)
    assert first_step(uma).post(STEP, {"code": code}).status_code == 422


@pytest.mark.parametrize(
    "answer",
    ["", "{", "[]", "null", "7", '"x"', "{}", '{"response": 7}', "[" * 40_000, '{"id": "a", "rawId": "b"}'],
)
def test_a_passkey_that_answers_nonsense_is_refused(uma: Account, answer: str) -> None:
    factors.with_app(uma)
    assert first_step(uma).post(STEP, {"credential": answer}).status_code == 422
    client = Client()
    client.post("/account/login/passkey/options/")
    assert client.post("/account/login/passkey/", {"credential": answer}).status_code == 422
    assert not factors.is_signed_in(client)


@pytest.mark.parametrize("how", ["code", "change"])
def test_an_old_password_goes_no_further_once_there_is_a_new_one(uma: Account, how: str) -> None:
    """Whoever knew the old one has come as far as the second step, and waits there."""
    factors.with_app(uma)
    thief = first_step(uma)
    assert thief.get(STEP).status_code == 200
    if how == "code":
        Account.objects.update(password=make_password(NEW_PASSWORD))
    else:
        here = factors.signed_in(uma, app=True)
        typed = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        assert here.post("/account/password/change/", typed).status_code == 302
    assert thief.post(STEP, {"code": factors.code()})["Location"] == "/account/login/"
    assert not factors.is_signed_in(thief)
    assert thief.get("/account/login/").status_code == 200


def test_a_planted_session_does_not_learn_of_the_first_step(uma: Account) -> None:
    factors.with_app(uma)
    client = Client()
    session = client.session
    session["planted"] = "by somebody"
    session.save()
    client.cookies["sessionid"] = planted = session.session_key
    client.post("/account/login/", {"login": uma.username, "password": PASSWORD})
    thief = Client()
    thief.cookies["sessionid"] = planted
    assert thief.post(STEP, {"code": factors.code()})["Location"] == "/account/login/"
    assert not factors.is_signed_in(thief)
    assert client.post(STEP, {"code": factors.code()})["Location"] == "/my/"


def test_whoever_left_between_the_steps_is_not_signed_in(uma: Account) -> None:
    factors.with_app(uma)
    client = first_step(uma)
    uma.person.deactivate()
    uma.person.save()
    assert client.post(STEP, {"code": factors.code()})["Location"] == "/account/login/"
    assert not factors.is_signed_in(client)
    assert not AuditEvent.objects.filter(name="account.signed-in").exists()


# --- Recovery codes
def codes_on(page: str) -> list[str]:
    return re.findall(r"<output>(\d{5}-\d{5})</output>", page)


def test_recovery_codes_are_shown_once(uma: Account) -> None:
    factors.with_app(uma)
    client = factors.signed_in(uma, app=True)
    assert codes_on(client.get(CODES).content.decode()) == []
    response = client.post(CODES)
    codes = codes_on(response.content.decode())
    assert len(set(codes)) == 10
    assert "no-store" in response["Cache-Control"]
    assert codes_on(client.get(CODES).content.decode()) == []
    assert codes[0] not in str(dict(client.session.items()))


def test_the_file_holds_what_the_page_shows_and_nothing_else(uma: Account) -> None:
    factors.with_app(uma)
    client = factors.signed_in(uma, app=True)
    codes = codes_on(client.post(CODES).content.decode())
    response = client.post(f"{CODES}file/", {"code": codes})
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert "attachment" in response["Content-Disposition"]
    assert (
        codes_on(f"<output>{'</output><output>'.join(response.content.decode().split())}</output>") == codes
    )
    for posted in ([], codes[:9], ["00000-00000"] * 10, [*codes, "Hello"]):
        assert client.post(f"{CODES}file/", {"code": posted})["Location"] == CODES


def test_a_recovery_code_signs_in_once_and_is_told(uma: Account) -> None:
    factors.with_app(uma)
    code = factors.with_codes(uma)[3]
    assert first_step(uma).post(STEP, {"code": f"{code[:5]}-{code[5:]}"}).status_code == 302
    assert first_step(uma).post(STEP, {"code": code}).status_code == 422
    assert AuditEvent.objects.get(name="recovery-code.used").facts == {"left": 9}
    mail = OutgoingMail.objects.get(message="recovery_code_used")
    assert "9 codes are left" in mail.body_text
    assert code not in mail.body_text


def test_new_codes_need_a_fresh_second_factor(uma: Account) -> None:
    client = factors.signed_in(uma)
    factors.with_app(uma)
    assert client.post(CODES)["Location"].startswith(AGAIN)
    assert second_factors.unused_recovery_codes(uma) is None


# --- Confirming
def test_the_confirmation_asks_for_the_second_factor(uma: Account) -> None:
    factors.with_app(uma)
    client = factors.signed_in(uma, app=True)
    with factors.later(3600):
        asked = client.post(CODES)["Location"]
        assert 'name="code"' in client.get(asked).content.decode()
        assert client.post(asked, {"password": PASSWORD}).status_code == 422
        assert client.post(asked, {"code": factors.wrong()}).status_code == 422
        assert client.post(asked, {"code": factors.code(), "next": CODES})["Location"] == CODES
        assert client.post(CODES).status_code == 200


# --- Removing
def test_removing_says_what_is_lost_and_needs_the_factor(uma: Account) -> None:
    factors.with_app(uma)
    path = f"/account/second-factors/{Authenticator.objects.get().pk}/remove/"
    client = factors.signed_in(uma, app=True)
    assert "only second factor" in client.get(path).content.decode()
    with factors.later(3600):
        assert client.post(path)["Location"].startswith(AGAIN)
    assert client.post(path)["Location"] == "/account/"
    assert not Authenticator.objects.exists()
    assert client.post(path).status_code == 404


def test_anothers_factors_are_not_found(uma: Account) -> None:
    sam = factors.with_app(account(cast.person("sam")))
    row = Authenticator.objects.get(user=sam)
    client = factors.signed_in(uma)
    for path in (f"second-factors/{row.pk}/remove/", f"passkeys/{row.pk}/rename/"):
        assert client.get(f"/account/{path}").status_code == 404
        assert client.post(f"/account/{path}").status_code == 404
    assert Authenticator.objects.count() == 1
