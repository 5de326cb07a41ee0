"""Wrong tries slow down whoever makes them; nobody is kept out by what a stranger types for their name."""

import time

import pytest
import time_machine
from django.conf import settings
from django.core import signing
from django.http import HttpResponse
from django.test import Client

from identity_manager.account import known_devices
from identity_manager.models import Account, AuditEvent
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, PASSWORD, Office, account
from tests.identity_manager.account.sign_in.test_first_sign_in import WRONG_CODE, code_for, send
from tests.identity_manager.account.sign_in.test_passkeys import AGAIN, STEP, options_on, with_passkey
from tests.identity_manager.account.sign_in.test_password import WRONG, change, sign_in, words
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]
COOKIE = settings.KNOWN_DEVICE_COOKIE_NAME
HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def at(address: str) -> Client:
    return Client(REMOTE_ADDR=address, HTTP_HOST="localhost")


def guess(name: str, times: int, *, networks: int = 1) -> list[int]:
    """Wrong passwords, from one network after the other, each in a browser that nobody knows."""
    return [sign_in(at(f"203.0.113.{number % networks}"), name, WRONG).status_code for number in range(times)]


def known_device(uma: Account, address: str = HERE) -> Client:
    """A browser that has signed in before and is not signed in now."""
    client = at(address)
    assert sign_in(client, uma.username).status_code == 302
    client.post("/account/logout/")
    assert not factors.is_signed_in(client)
    return client


# --- Passwords
def test_a_stranger_somewhere_else_locks_nobody_out(uma: Account) -> None:
    assert guess("uma", 7) == [422] * 5 + [429] * 2
    assert sign_in(at(THERE)).status_code == 302


def test_who_guesses_from_many_networks_is_stopped_too(uma: Account) -> None:
    assert guess("uma", 31, networks=20) == [422] * 30 + [429]
    assert sign_in(at(THERE)).status_code == 429


def test_a_known_device_signs_in_all_the_same(uma: Account) -> None:
    client = known_device(uma, "203.0.113.0")  # where the guesses come from
    guess("uma", 31, networks=20)
    guess("uma", 25)
    assert sign_in(client).status_code == 302


def test_a_known_device_may_guess_no_more_than_others(uma: Account) -> None:
    client = known_device(uma)
    assert [sign_in(client, password=WRONG).status_code for _ in range(6)] == [422] * 5 + [429]
    assert sign_in(client).status_code == 429
    assert sign_in(at(THERE)).status_code == 302


def test_a_known_device_of_one_is_none_of_another(uma: Account) -> None:
    account(cast.person("sam"))
    client = known_device(uma)
    guess("sam", 31, networks=20)
    assert sign_in(client, "sam").status_code == 429


def test_a_shared_browser_is_known_to_each(uma: Account) -> None:
    sam = account(cast.person("sam"))
    client = known_device(uma)
    assert sign_in(client, sam.username).status_code == 302
    client.post("/account/logout/")
    guess("uma", 31, networks=20)
    assert sign_in(client).status_code == 302


@pytest.mark.parametrize("networks", [1, 20])
def test_wrong_passwords_keep_nobody_from_their_second_factor(uma: Account, networks: int) -> None:
    factors.with_app(uma)
    assert guess("uma", 31, networks=networks)[-1] == 429
    client = at("203.0.113.99")
    assert sign_in(client)["Location"] == STEP
    assert client.post(STEP, {"code": factors.code()})["Location"] == "/my/"


def test_nor_on_the_very_network_of_who_guesses(uma: Account) -> None:
    factors.with_app(uma)
    guess("uma", 10)
    assert sign_in(at("203.0.113.0"))["Location"] == STEP


def test_there_the_guesses_come_to_an_end_as_well(uma: Account) -> None:
    factors.with_app(uma)
    with time_machine.travel(time.time(), tick=False) as clock:
        for _minute in range(3):
            guess("uma", 10)
            clock.shift(61)
        assert sign_in(at("203.0.113.0")).status_code == 429


def test_a_wrong_password_says_nothing_of_second_factors(uma: Account) -> None:
    factors.with_app(account(cast.person("sam")))
    for name in ("uma", "sam", "nobody"):
        guess(name, 5)
    told = {words(sign_in(at("203.0.113.0"), name, WRONG)) for name in ("uma", "sam", "nobody")}
    assert len(told) == 1


def test_a_right_password_alone_says_nothing_while_the_name_is_locked(uma: Account) -> None:
    guess("uma", 5)
    right, wrong = sign_in(at("203.0.113.0")), sign_in(at("203.0.113.0"), password=WRONG)
    assert right.status_code == wrong.status_code == 429
    assert words(right) == words(wrong)
    locked_out = AuditEvent.objects.filter(name="account.sign-in-failed").order_by("pk")
    assert [event.facts["locked_out"] for event in locked_out] == [False] * 5 + [True] * 2


@pytest.mark.parametrize("name", ["uma", "sam", "nobody"])
def test_a_locked_name_costs_one_hash_whoever_it_is(
    uma: Account, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.hashers import MD5PasswordHasher  # the tests' hasher

    factors.with_app(account(cast.person("sam")))
    guess(name, 5)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda self, text, salt: hashed.append(text) or encode(self, text, salt),
    )
    sign_in(at("203.0.113.0"), name, WRONG)
    assert len(hashed) == 1


def test_who_is_signed_in_confirms_whatever_others_type(uma: Account) -> None:
    client = at(HERE)
    sign_in(client)
    del client.cookies[COOKIE]
    guess("uma", 31, networks=20)
    assert client.post(AGAIN, {"password": PASSWORD}).status_code == 302
    assert change(client).status_code == 302
    assert factors.is_signed_in(client)


def test_who_is_signed_in_guesses_no_more_than_others(uma: Account) -> None:
    client = at(HERE)
    sign_in(client)
    del client.cookies[COOKIE]
    statuses = [client.post(AGAIN, {"password": WRONG}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


# --- The cookie
def cookie_of(client: Client) -> dict[str, str]:
    known: dict[str, str] = signing.loads(client.cookies[COOKIE].value, salt=known_devices.SALT)
    return known


def test_it_is_set_when_all_steps_are_done(uma: Account) -> None:
    factors.with_app(uma)
    client = at(HERE)
    sign_in(client)
    assert COOKIE not in client.cookies
    client.post(STEP, {"code": factors.code()})
    morsel = client.cookies[COOKIE]
    assert morsel["httponly"] is True
    assert morsel["samesite"] == "Lax"
    assert str(uma.pk) not in morsel.value
    assert uma.username not in str(cookie_of(client))


def test_a_wrong_password_leaves_none(uma: Account) -> None:
    client = at(HERE)
    sign_in(client, password=WRONG)
    assert COOKIE not in client.cookies


@pytest.mark.parametrize("forged", ["", "x", "W10:1abc:def", "another key"])
def test_a_forged_one_is_none(uma: Account, forged: str) -> None:
    client = known_device(uma)
    if forged == "another key":
        forged = signing.dumps(cookie_of(client), key="x" * 50, salt=known_devices.SALT)
    client.cookies[COOKIE] = forged
    guess("uma", 31, networks=20)
    assert sign_in(client).status_code == 429


def test_an_old_one_is_none(uma: Account) -> None:
    client = known_device(uma)
    with factors.later(366 * 24 * 3600):
        guess("uma", 31, networks=20)
        assert sign_in(client).status_code == 429


def test_a_new_password_forgets_other_devices_but_this_one(uma: Account) -> None:
    """Whoever knew the old one may have made as many known devices as they liked."""
    here, elsewhere = known_device(uma), known_device(uma)
    sign_in(here)
    assert change(here).status_code == 302
    here.post("/account/logout/")
    guess("uma", 31, networks=20)
    assert sign_in(elsewhere, password=NEW_PASSWORD).status_code == 429
    assert sign_in(here, password=NEW_PASSWORD).status_code == 302


def test_it_remembers_a_few_accounts_and_stays_small(uma: Account) -> None:
    client = known_device(uma)
    for name in ("sam", "paul", "rita", "rolf", "otto"):
        sign_in(client, account(cast.person(name, roles=())).username)
        client.post("/account/logout/")
    assert len(cookie_of(client)) == 5
    assert len(client.cookies[COOKIE].value) < 1000


# --- The second factor
def second_step(address: str) -> Client:
    client = at(address)
    assert sign_in(client)["Location"] == STEP
    return client


def test_wrong_codes_of_who_has_the_password_do_not_lock_the_known_device(uma: Account) -> None:
    factors.with_app(uma)
    known = at(HERE)
    sign_in(known)
    known.post(STEP, {"code": factors.code()})
    known.post("/account/logout/")
    thief = second_step("203.0.113.0")
    statuses = [thief.post(STEP, {"code": factors.wrong()}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    with factors.later(60):
        assert sign_in(known)["Location"] == STEP
        assert known.post(STEP, {"code": factors.code()}).status_code == 302


def test_codes_are_six_digits_so_all_networks_together_have_few_tries(uma: Account) -> None:
    factors.with_app(uma)
    thieves = [second_step(f"203.0.113.{number}") for number in range(11)]
    answers: list[HttpResponse] = [thief.post(STEP, {"code": factors.wrong()}) for thief in thieves]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert answers[-1]["Retry-After"] == "3600"


def test_a_passkey_opens_whatever_others_guess(uma: Account) -> None:
    key = with_passkey(uma)
    factors.with_app(uma)
    for number in range(11):
        second_step(f"203.0.113.{number}").post(STEP, {"code": factors.wrong()})
    client = second_step(THERE)
    assert client.post(STEP, {"credential": key.get(options_on(client, STEP))}).status_code == 302


def test_a_right_code_does_not_wipe_what_the_network_has_guessed(uma: Account) -> None:
    """Else one's own account would buy new tries for those of others."""
    factors.with_app(uma)
    for number in range(19):
        sign_in(at(HERE), f"name{number}", WRONG)
    second_step(HERE).post(STEP, {"code": factors.code()})
    statuses = [sign_in(at(HERE), f"more{number}", WRONG).status_code for number in range(2)]
    assert statuses == [422, 429]


# --- First sign-in
def test_wrong_codes_destroy_no_code(office: Office) -> None:
    code = code_for(office, office.uma)
    stranger = at(THERE)
    assert [send(stranger, WRONG_CODE).status_code for _ in range(11)] == [422] * 10 + [429]
    assert send(at(HERE), code).status_code == 302


def test_wrong_codes_are_told_to_the_officers(office: Office) -> None:
    code_for(office, office.uma)
    row = office.uma.sign_in_codes.get()
    account(office.rita)
    rita = at(HERE)
    sign_in(rita, "rita")
    page = f"/sign-in-codes/{row.pk}/"
    assert "wrong code" not in rita.get(page).content.decode()
    send(at(THERE), WRONG_CODE)
    send(at(THERE), WRONG_CODE)
    assert "2 times somebody typed a wrong code" in rita.get(page).content.decode()
