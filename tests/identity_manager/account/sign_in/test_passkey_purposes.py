"""A challenge is good for what it was made for, and for nothing else (WebAuthn 13.4.3)."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from allauth.core import context
from allauth.mfa.models import Authenticator
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client, RequestFactory

from identity_manager.account.second_factor import passkeys
from identity_manager.account.second_factor.passkeys import ChallengePurpose, NotProved
from identity_manager.models import Account
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import account
from tests.identity_manager.account.sign_in.test_passkeys import (
    ADD,
    AGAIN,
    SIGN_IN,
    STEP,
    asked,
    browser,
    options_on,
    signed_in,
    with_passkey,
)
from tests.tools import cast
from tests.tools.soft_passkey import SoftPasskey

pytestmark = pytest.mark.django_db
PAIRS = list(product(ChallengePurpose, ChallengePurpose))


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


@pytest.fixture
def visit(rf: RequestFactory) -> Iterator[HttpRequest]:
    request = rf.post("/", headers={"host": "localhost"})
    request.session = SessionStore()
    with context.request_context(request):
        yield request


def begin(purpose: ChallengePurpose, who: Account) -> dict[str, Any]:
    if purpose == ChallengePurpose.REGISTRATION:
        return passkeys.registration_options(who)
    return (
        passkeys.sign_in_options() if purpose == ChallengePurpose.ALONE else passkeys.options_of(who, purpose)
    )


def end(purpose: ChallengePurpose, who: Account, key: SoftPasskey, options: dict[str, Any]) -> object:
    """Answer the question as this purpose wants it answered. Raises NotProved."""
    if purpose == ChallengePurpose.REGISTRATION:
        named = {"rp": {"id": "localhost"}, "user": {"id": key.user}}
        return passkeys.registered(key.create({"publicKey": named | options["publicKey"]}), account=who)
    answer = key.get({"publicKey": {"rpId": "localhost"} | options["publicKey"]})
    if purpose == ChallengePurpose.ALONE:
        return passkeys.signed_in_alone(answer)
    return passkeys.proved(answer, account=who, purpose=purpose)


@pytest.mark.parametrize(("begun", "ended"), PAIRS)
def test_each_purpose_takes_its_own_challenge_alone(
    uma: Account, visit: HttpRequest, begun: ChallengePurpose, ended: ChallengePurpose
) -> None:
    key = with_passkey(uma)
    options = begin(begun, uma)
    if begun == ended:
        assert end(ended, uma, key, options)
    with pytest.raises(NotProved):  # nor a second time
        end(ended, uma, key, options)


@pytest.mark.parametrize(("begun", "ended"), PAIRS)
def test_what_both_have_asked_for_is_not_mixed(
    uma: Account, visit: HttpRequest, begun: ChallengePurpose, ended: ChallengePurpose
) -> None:
    """The other purpose has a challenge of its own, and the answer is to the first one."""
    key = with_passkey(uma)
    options = begin(begun, uma)
    begin(ended, uma)
    with pytest.raises(NotProved):
        end(ended, uma, key, options)


@pytest.mark.parametrize("purpose", [each for each in ChallengePurpose if each != ChallengePurpose.ALONE])
def test_a_challenge_for_one_account_is_none_for_another(
    uma: Account, visit: HttpRequest, purpose: ChallengePurpose
) -> None:
    sam = account(cast.person("sam"))
    key = with_passkey(sam, SoftPasskey())
    options = begin(purpose, uma)
    with pytest.raises(NotProved):
        end(purpose, sam, key, options)


def test_alone_the_lock_must_have_been_opened(uma: Account, visit: HttpRequest) -> None:
    key = with_passkey(uma, SoftPasskey(verifies=False))
    options = begin(ChallengePurpose.ALONE, uma)
    assert options["publicKey"]["userVerification"] == "required"
    visit.session[passkeys.CHALLENGES]["alone"]["state"]["user_verification"] = "preferred"
    with pytest.raises(NotProved):
        end(ChallengePurpose.ALONE, uma, key, options)


# --- The same, through the pages
def test_a_stolen_key_does_not_sign_in_with_the_second_steps_question(uma: Account) -> None:
    """Somebody knows the password and has the key, but not what opens it: that is the second step's way."""
    key = with_passkey(uma, SoftPasskey(verifies=False))
    thief = signed_in(uma)
    answer = key.get(options_on(thief, STEP))
    assert thief.post(SIGN_IN, {"credential": answer}).status_code == 422
    assert not factors.is_signed_in(thief)


def test_the_front_doors_question_is_no_second_step(uma: Account) -> None:
    key = with_passkey(uma)
    client = signed_in(uma)
    assert client.post(STEP, {"credential": key.get(asked(client))}).status_code == 422
    assert not factors.is_signed_in(client)


@pytest.mark.parametrize("begun", ["front door", "second step", "registration"])
def test_other_questions_confirm_nothing(uma: Account, begun: str) -> None:
    key = with_passkey(uma)
    factors.with_app(uma)
    client = signed_in(uma)
    options = options_on(client, STEP)
    client.post(STEP, {"code": factors.code()})
    assert factors.is_signed_in(client)
    if begun == "front door":
        options = asked(client)
    elif begun == "registration":
        options = options_on(client, ADD)
        options["publicKey"]["rpId"] = "localhost"
    before = client.session.session_key
    assert client.post(AGAIN, {"credential": key.get(options)}).status_code == 422
    assert client.session.session_key == before


def test_a_confirmations_question_adds_no_passkey(uma: Account) -> None:
    key = with_passkey(uma)
    client = browser()
    client.post(SIGN_IN, {"credential": key.get(asked(client))})
    question = options_on(client, AGAIN)["publicKey"]
    named = {"rp": {"id": "localhost"}, "user": {"id": key.user}}
    answer = SoftPasskey().create({"publicKey": named | question})
    assert client.post(ADD, {"name": "Another", "credential": answer}).status_code == 422
    assert Authenticator.objects.count() == 1


def test_a_question_asked_before_signing_out_is_forgotten(uma: Account) -> None:
    key = with_passkey(uma)
    client: Client = browser()
    client.post(SIGN_IN, {"credential": key.get(asked(client))})
    options = asked(client)
    client.post("/account/logout/")
    assert client.post(SIGN_IN, {"credential": key.get(options)}).status_code == 422
