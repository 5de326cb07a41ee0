"""Passkeys: added, used as a second step, used alone; and every answer that proves nothing."""

import html
import json
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from identity_manager.models import Account, AuditEvent, OutgoingMail
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import PASSWORD, account
from tests.tools import cast
from tests.tools.soft_passkey import SoftPasskey

pytestmark = pytest.mark.django_db
ADD, OPTIONS, SIGN_IN = "/account/passkeys/add/", "/account/login/passkey/options/", "/account/login/passkey/"
STEP, AGAIN, CODES = "/account/login/second-step/", "/account/reauthenticate/", "/account/recovery-codes/"
HOST = {"HTTP_HOST": "localhost"}


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def browser() -> Client:
    return Client(**HOST)


def signed_in(uma: Account) -> Client:
    client = browser()
    client.post("/account/login/", {"login": uma.username, "password": PASSWORD})
    return client


def options_on(client: Client, path: str) -> dict[str, Any]:
    page = client.get(path).content.decode()
    found = re.search(r'id="passkey-options"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found, page
    options: dict[str, Any] = json.loads(html.unescape(found.group(1)))
    return options


def with_passkey(uma: Account, key: SoftPasskey | None = None, name: str = "Laptop") -> SoftPasskey:
    key = key or SoftPasskey()
    client = signed_in(uma)
    response = client.post(ADD, {"name": name, "credential": key.create(options_on(client, ADD))})
    assert response["Location"] == CODES, response.content.decode()
    return key


def asked(client: Client) -> dict[str, Any]:
    options: dict[str, Any] = client.post(OPTIONS).json()
    return options


def test_a_passkey_is_added_told_and_audited(uma: Account) -> None:
    with_passkey(uma)
    assert AuditEvent.objects.get(name="second-factor.added").facts == {"kind": "passkey"}
    assert "the passkey “Laptop”" in OutgoingMail.objects.get(message="second_factor_added").body_text


def test_it_is_asked_to_stay_on_the_device(uma: Account) -> None:
    asked_for = options_on(signed_in(uma), ADD)["publicKey"]
    assert asked_for["authenticatorSelection"]["residentKey"] == "preferred"
    assert asked_for["rp"] == {"id": "localhost", "name": "Identity Manager"}
    assert asked_for["user"]["name"] == "uma"


def test_a_passkey_alone_signs_in(uma: Account) -> None:
    key = with_passkey(uma)
    client = browser()
    response = client.post(SIGN_IN, {"credential": key.get(asked(client)), "next": "/account/"})
    assert response["Location"] == "/account/"
    assert factors.is_signed_in(client)
    facts = AuditEvent.objects.filter(name="account.signed-in").latest("pk").facts
    assert facts == {"method": "webauthn"}


def test_it_leads_nowhere_else(uma: Account) -> None:
    key = with_passkey(uma)
    client = browser()
    typed = {"credential": key.get(asked(client)), "next": "https://elsewhere.example/"}
    assert client.post(SIGN_IN, typed)["Location"] == "/my/"


def test_a_passkey_without_a_lock_does_not_sign_in_alone(uma: Account) -> None:
    """It is only what one has; as the second step after the password it is enough."""
    key = with_passkey(uma, SoftPasskey(verifies=False))
    client = browser()
    assert client.post(SIGN_IN, {"credential": key.get(asked(client))}).status_code == 422
    client = signed_in(uma)
    assert client.post(STEP, {"credential": key.get(options_on(client, STEP))})["Location"] == "/my/"


def test_a_passkey_is_the_second_step(uma: Account) -> None:
    key = with_passkey(uma)
    client = signed_in(uma)
    assert not factors.is_signed_in(client)
    client.post(STEP, {"credential": key.get(options_on(client, STEP))})
    assert factors.is_signed_in(client)
    facts = AuditEvent.objects.filter(name="account.signed-in").latest("pk").facts
    assert facts == {"method": "password+webauthn"}


def test_a_passkey_confirms(uma: Account) -> None:
    key = with_passkey(uma)
    client = browser()
    client.post(SIGN_IN, {"credential": key.get(asked(client))})
    with factors.later(3600):
        assert client.post(CODES)["Location"].startswith(AGAIN)
        typed = {"credential": key.get(options_on(client, AGAIN)), "next": CODES}
        assert client.post(AGAIN, typed)["Location"] == CODES
        assert client.post(CODES).status_code == 200


def forged(key: SoftPasskey, options: dict[str, Any], kind: str) -> str:
    """An answer that is wrong in one point."""
    other = SoftPasskey(id=key.id, user=key.user)
    if kind == "another key":
        return other.get(options)
    if kind == "another origin":
        return SoftPasskey(key=key.key, id=key.id, user=key.user, origin="https://elsewhere.example").get(
            options
        )
    if kind == "another challenge":
        return key.get({"publicKey": {**options["publicKey"], "challenge": "AAAA"}})
    if kind == "another domain":
        return key.get({"publicKey": {**options["publicKey"], "rpId": "elsewhere.example"}})
    if kind == "unknown user":
        return SoftPasskey(key=key.key, id=key.id, user="bm9ib2R5").get(options)
    answer = json.loads(key.get(options))
    answer["response"][kind] = "AAAA"
    return json.dumps(answer)


KINDS = [
    "another key",
    "another origin",
    "another challenge",
    "another domain",
    "unknown user",
    "clientDataJSON",
    "authenticatorData",
    "signature",
    "userHandle",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_answer_is_refused_in_one_way(uma: Account, kind: str) -> None:
    key = with_passkey(uma)
    client = browser()
    response = client.post(SIGN_IN, {"credential": forged(key, asked(client), kind)})
    assert response.status_code == 422
    assert "It belongs to no account here" in response.content.decode()
    assert not factors.is_signed_in(client)
    assert AuditEvent.objects.filter(name="account.sign-in-failed").latest("pk").facts["method"] == "passkey"


def test_an_answer_is_good_once(uma: Account) -> None:
    key = with_passkey(uma)
    client = browser()
    answer = key.get(asked(client))
    assert client.post(SIGN_IN, {"credential": answer}).status_code == 302
    client.post("/account/logout/")
    assert client.post(SIGN_IN, {"credential": answer}).status_code == 422


def test_a_removed_passkey_opens_nothing(uma: Account) -> None:
    key = with_passkey(uma)
    Authenticator.objects.all().delete()
    client = browser()
    assert client.post(SIGN_IN, {"credential": key.get(asked(client))}).status_code == 422


@pytest.mark.parametrize("why", ["closed", "inactive"])
def test_who_may_not_sign_in_gets_the_same_answer(uma: Account, why: str) -> None:
    key = with_passkey(uma)
    if why == "closed":
        Account.objects.update(is_active=False)
    else:
        uma.person.deactivate()
        uma.person.save()
    client = browser()
    response = client.post(SIGN_IN, {"credential": key.get(asked(client))})
    assert response.status_code == 422
    assert "It belongs to no account here" in response.content.decode()
    assert not factors.is_signed_in(client)


def test_one_passkey_is_added_once(uma: Account) -> None:
    key = with_passkey(uma)
    client = browser()
    client.post(SIGN_IN, {"credential": key.get(asked(client))})
    answer = key.create(options_on(client, ADD))
    response = client.post(ADD, {"name": "Again", "credential": answer})
    assert response.status_code == 422
    assert "added already" in response.content.decode()
    assert Authenticator.objects.count() == 1


def test_a_name_is_needed_and_bounded(uma: Account) -> None:
    client = signed_in(uma)
    for name in ("", " ", "x" * 61):
        answer = SoftPasskey().create(options_on(client, ADD))
        assert client.post(ADD, {"name": name, "credential": answer}).status_code == 422
    assert not Authenticator.objects.exists()


def test_renamed(uma: Account) -> None:
    key = with_passkey(uma)
    path = f"/account/passkeys/{Authenticator.objects.get().pk}/rename/"
    client = browser()
    client.post(SIGN_IN, {"credential": key.get(asked(client))})
    assert 'value="Laptop"' in client.get(path).content.decode()
    assert client.post(path, {"name": ""}).status_code == 422
    assert client.post(path, {"name": "<b>Phone"})["Location"] == "/account/"
    assert "&lt;b&gt;Phone" in client.get("/account/").content.decode()
    assert AuditEvent.objects.filter(name="second-factor.renamed").exists()


def test_the_options_say_nothing_of_who_exists() -> None:
    first, second = (Client(**HOST).post(OPTIONS).json()["publicKey"] for _ in range(2))
    assert first["challenge"] != second["challenge"]
    assert first.get("allowCredentials", []) == []
    assert first["userVerification"] == "required"
