"""OpenID Connect Back-Channel Logout 1.0: which tokens end which sessions, and what ends none."""

import base64
import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests
import time_machine
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.account.single_sign_on import provider_sessions
from identity_manager.account.single_sign_on.provider_sessions import EVENT
from identity_manager.models import AcceptedMessage, AuditEvent, Person, ProviderSession
from identity_manager.people.sign_in import accepted_messages, sessions
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import PASSWORD
from tests.identity_manager.account.single_sign_on.conftest import Provider, Traveller
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]
ADDRESS = "/account/sso/corp/back-channel-logout/"
Token = Callable[..., str]
# Deeper than the parser of JSON goes.
_PARTS = (b'{"alg": "RS256"}', b"[" * 5_001, b"signature")
NESTED = b".".join(map(base64.urlsafe_b64encode, _PARTS)).decode()


@pytest.fixture
def uma(provider: Provider, traveller: Traveller) -> Person:
    """Signed in from the provider."""
    user = provider.user("uma")
    person = cast.person("uma", upn=user.user_name)
    assert traveller.sign_in(user).status_code == 302
    return person


@pytest.fixture
def token(provider: Provider) -> Token:
    """Makes logout tokens, signed by the provider's own key; a claim that is None is left out."""
    (key,) = provider.server.app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"]
    (published,) = requests.get(f"{provider.url}/oauth/jwks.json", timeout=5).json()["keys"]
    kid = published["kid"]
    signs = jwt.algorithms.RSAAlgorithm.from_jwk(json.dumps(key))

    def made(*, headers: Any = (), key: Any = signs, alg: str = "RS256", **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": provider.url,
            "aud": "identity-manager",
            "iat": now,
            "exp": now + 120,
            "jti": uuid.uuid4().hex,
            "events": {EVENT: {}},
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        typed = {"typ": "logout+jwt", "kid": kid, **dict(headers)}
        return jwt.encode(kept, key, algorithm=alg, headers=typed)

    return made


def subject() -> str:
    return str(SocialAccount.objects.get().uid)


def post(token: str) -> Any:
    """As the provider does it: no cookie, no CSRF token."""
    return Client(enforce_csrf_checks=True).post(ADDRESS, {"logout_token": token})


def test_a_logout_that_fails_half_way_is_taken_the_next_time(
    traveller: Traveller, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider repeats the same token after an error, and it is no replay then."""
    sent = token(sub="somebody")

    def fails(**_: object) -> None:
        raise OperationalError("the database restarts")

    with monkeypatch.context() as patched:
        patched.setattr(provider_sessions.sessions, "end_by_provider", fails)
        with pytest.raises(OperationalError):
            post(sent)
    assert post(sent).status_code == 200


def test_a_logout_during_the_second_step_ends_what_follows(
    provider: Provider, traveller: Traveller, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no session yet that the logout could end; the sign-in goes on minutes later."""
    user = provider.user("uma")
    cast.person("uma", upn=user.user_name)
    keep = provider_sessions.keep
    monkeypatch.setattr(
        provider_sessions,
        "keep",
        lambda request, there, **known: keep(request, there, **{**known, "sid": known["sid"] or "s-1"}),
    )
    assert post(token(sid="s-2")).status_code == 200
    traveller.sign_in(user)
    assert traveller.is_signed_in, "another session of theirs has ended"

    traveller.here = Client()
    answer = traveller.at_the_provider(traveller.start(), None)
    assert post(token(sid="s-1")).status_code == 200
    response = traveller.arrive(answer)
    assert response.url == reverse("signed-out")
    assert not traveller.is_signed_in


def test_a_logout_of_the_person_during_the_second_step_ends_what_follows(
    provider: Provider, traveller: Traveller, token: Token
) -> None:
    """It names no session; only sign-ins that began before it end."""
    user = provider.user("uma")
    cast.person("uma", upn=user.user_name)
    traveller.sign_in(user)
    named = subject()

    traveller.here = Client()
    answer = traveller.at_the_provider(traveller.start(), None)
    with time_machine.travel(timezone.now() + timedelta(seconds=2), tick=False):
        assert post(token(sub=named)).status_code == 200
        response = traveller.arrive(answer)
        assert response.url == reverse("signed-out")
        assert not traveller.is_signed_in

    with time_machine.travel(timezone.now() + timedelta(seconds=5), tick=True):
        traveller.here = Client()
        traveller.arrive(traveller.at_the_provider(traveller.start(), None))
        assert traveller.is_signed_in


def test_of_a_person_all_sessions_from_there_end(traveller: Traveller, uma: Person, token: Token) -> None:
    uma.account.set_password(PASSWORD)
    uma.account.save()
    by_password = factors.signed_in(uma.account)
    traveller.here = Client()  # its session ended with the former password
    traveller.arrive(traveller.at_the_provider(traveller.start(), None))
    response = post(token(sub=subject()))
    assert (response.status_code, response["Cache-Control"]) == (
        200,
        "max-age=0, no-cache, no-store, must-revalidate, private",
    )
    assert not traveller.is_signed_in
    assert by_password.get("/my/").status_code == 200, "a session that did not come from there goes on"
    event = AuditEvent.objects.get(name="account.sessions-ended")
    assert (event.person, event.actor) == (uma, None)
    assert event.facts == {"count": 1, "provider": "corp"}


def test_of_several_sessions_only_the_named_one_ends(
    traveller: Traveller, provider: Provider, uma: Person, token: Token
) -> None:
    other = Traveller(provider)
    other.there = traveller.there
    other.arrive(other.at_the_provider(other.start(), None))
    assert other.is_signed_in
    for browser, sid in ((traveller, "one"), (other, "two")):
        key = browser.here.session.session_key
        sessions.record_provider_session(session_key=key, provider_id="corp", sid=sid)
    assert post(token(sid="one")).status_code == 200
    assert (traveller.is_signed_in, other.is_signed_in) == (False, True)
    assert post(token(sid="two", sub="somebody else")).status_code == 200
    assert other.is_signed_in, "a session and a person that do not belong together"
    assert post(token(sid="two", sub=subject())).status_code == 200
    assert not other.is_signed_in


def test_the_session_is_still_known_after_its_key_was_renewed(
    traveller: Traveller, uma: Person, token: Token
) -> None:
    key = traveller.here.session.session_key
    sessions.record_new_key(old=key, new="another")
    assert ProviderSession.objects.get().session.session_key == "another"


def test_a_second_step_in_between_changes_nothing(
    traveller: Traveller, provider: Provider, uma: Person, token: Token
) -> None:
    factors.with_app(uma.account)
    traveller.here.post("/account/logout/")
    back = traveller.at_the_provider(traveller.start(), None)
    assert traveller.arrive(back)["Location"] == "/account/login/second-step/"
    traveller.here.post("/account/login/second-step/", {"code": factors.code()})
    assert traveller.is_signed_in
    post(token(sub=subject()))
    assert not traveller.is_signed_in


def test_nobody_is_signed_in_from_there(provider: Provider, token: Token) -> None:
    assert post(token(sub="nobody")).status_code == 200
    assert not AuditEvent.objects.filter(name="account.sessions-ended").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"iss": "https://elsewhere.example"},
        {"aud": "another program"},
        {"exp": 1},
        {"exp": None},
        {"iat": 1},
        {"iat": None},
        {"iat": "soon"},
        {"iat": 10**400},
        {"jti": None},
        {"jti": ["a", "list"]},
        {"events": None},
        {"events": {}},
        {"events": [EVENT]},
        {"events": {EVENT: True}},
        {"nonce": "of an ID token"},
        {"headers": {"typ": "at+jwt"}},
        {"headers": {"kid": "unknown"}},
        {"key": "the client secret, which is long enough for this", "alg": "HS256"},
        {"key": "", "alg": "none"},
    ],
    ids=str,
)
def test_another_token_ends_nothing(
    traveller: Traveller, uma: Person, token: Token, changes: dict[str, Any]
) -> None:
    response = post(token(**({"sub": subject()} | changes)))
    assert (response.status_code, response.content) == (400, b"")
    assert "no-store" in response["Cache-Control"]
    assert traveller.is_signed_in


def test_a_token_is_accepted_once(
    traveller: Traveller, provider: Provider, uma: Person, token: Token
) -> None:
    said = token(sub=subject())
    assert [post(said).status_code, post(said).status_code] == [200, 400]
    again = token(
        sub=subject(),
        jti=jwt.decode(said, options={"verify_signature": False})["jti"],
        exp=int(time.time()) + 99,
    )
    assert post(again).status_code == 400, "the same id in another token"


def test_what_was_signed_by_somebody_else(traveller: Traveller, uma: Person, token: Token) -> None:
    assert post(token(sub=subject(), key=rsa.generate_private_key(65537, 2048))).status_code == 400
    assert traveller.is_signed_in


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a.b.c",
        "x" * 20_000,
        ".".join(
            [
                base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode(),
                base64.urlsafe_b64encode(b"[" * 5000).decode(),
                "c",
            ]
        ),
    ],
    ids=["nothing", "no token", "too long", "nested"],
)
def test_what_is_no_token(provider: Provider, body: str) -> None:
    assert post(body).status_code == 400


def test_only_what_is_configured_listens(provider: Provider, settings: Settings, token: Token) -> None:
    said = token(sub="nobody")
    assert Client().get(ADDRESS).status_code == 405
    settings.SSO_PROVIDERS = {}
    assert post(said).status_code == 404


@pytest.mark.parametrize("minutes", [(5, 9), (9, 5)])
def test_a_message_that_comes_again_is_noted_for_the_longer_time(minutes: tuple[int, ...]) -> None:
    now = timezone.now()
    for each in minutes:
        accepted_messages.note("kind", "corp", "1", until=now + timedelta(minutes=each))

    assert accepted_messages.is_noted("kind", "corp", "1", beyond=now + timedelta(minutes=9))
    assert not accepted_messages.is_noted("kind", "corp", "1", beyond=now + timedelta(minutes=10))


def test_expired_messages_and_dangling_rows_are_forgotten(
    traveller: Traveller, uma: Person, token: Token
) -> None:
    post(token(sub="nobody"))
    sessions.forget_ended()
    assert AcceptedMessage.objects.count() == 2, "the token, and whom it names"
    AcceptedMessage.objects.update(expires_at=timezone.now())
    UserSession.objects.all()._raw_delete("default")  # as the release before this one leaves it behind
    sessions.forget_ended()
    assert not AcceptedMessage.objects.exists()
    assert not ProviderSession.objects.exists()
