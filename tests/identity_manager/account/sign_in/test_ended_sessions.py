"""Whose session has ended is told so on the sign-in page; who has never signed in here is not."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from identity_manager.models import Account, Person, PersonState
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import account
from tests.tools import cast

pytestmark = pytest.mark.django_db
ENDED = "Your session has ended"
NOT_SENT = "nothing was changed"


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def gate(client: Client, *, sends: bool = False) -> str:
    """The sign-in page that stands before the page, or before what is sent to it."""
    answer = client.post("/my/", follow=True) if sends else client.get("/my/", follow=True)
    assert answer.redirect_chain[0][0].startswith("/account/login/?next=/my/")
    return answer.content.decode()


def test_who_has_never_been_here_is_told_nothing(db: None) -> None:
    assert ENDED not in gate(Client())
    assert ENDED not in gate(Client(), sends=True)


def test_who_reads_on_is_told_why(uma: Account) -> None:
    client = factors.signed_in(uma)
    Session.objects.all().delete()
    page = gate(client)
    assert ENDED in page
    assert NOT_SENT not in page
    assert ENDED not in gate(client), "told once"


def test_who_sends_is_told_that_nothing_was_received(uma: Account) -> None:
    client = factors.signed_in(uma)
    Session.objects.all().delete()
    page = gate(client, sends=True)
    assert ENDED in page
    assert NOT_SENT in page


def test_a_script_leads_there_as_well(uma: Account) -> None:
    client = factors.signed_in(uma)
    Session.objects.all().delete()
    asked = {"HX-Request": "true", "HX-Current-URL": "http://testserver/my/requests/"}
    assert client.get("/my/", headers=asked)["HX-Redirect"] == (
        "/account/login/?next=/my/requests/&ended=reading"
    )


def test_a_session_of_somebody_who_has_left_has_ended(uma: Account) -> None:
    client = factors.signed_in(uma)
    Person.objects.update(state=PersonState.INACTIVE)
    assert ENDED in gate(client)


def test_who_has_signed_out_is_told_that_alone(uma: Account) -> None:
    client = factors.signed_in(uma)
    client.post("/account/logout/")
    assert ENDED not in gate(client)


def test_who_is_half_signed_in_is_told_nothing(uma: Account) -> None:
    """There is a session, but nobody has signed in by it yet."""
    client = Client()
    client.post("/account/login/", {"login": factors.with_app(uma).username, "password": factors.PASSWORD})
    assert client.session.session_key
    assert ENDED not in gate(client)


def test_after_signing_in_they_are_where_they_were(uma: Account) -> None:
    client = factors.signed_in(uma)
    Session.objects.all().delete()
    assert ENDED in gate(client)
    typed = {"login": uma.username, "password": factors.PASSWORD, "next": "/my/"}
    assert client.post("/account/login/", typed)["Location"] == "/my/"
