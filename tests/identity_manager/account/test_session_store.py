"""A session of one portal is no session of the other, where they are apart."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from identity_manager.models import Account
from tests.tools import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def uma(settings: Settings) -> Client:
    """Signed in at Self-Service, which is served alone."""
    settings.SESSION_PORTAL = "selfservice"
    browser = Client()
    browser.force_login(
        Account.objects.create_account(username="uma", person=cast.person("uma"), password=None)
    )
    return browser


def test_at_its_own_portal_it_is_good(uma: Client) -> None:
    assert uma.get("/my/").status_code == 200


def test_at_the_other_one_it_is_nothing_and_stays_as_it_is(uma: Client, settings: Settings) -> None:
    (before,) = Session.objects.all()
    settings.SESSION_PORTAL = "console"
    carried_across = Client()
    carried_across.cookies = uma.cookies.copy()
    assert carried_across.get("/my/")["Location"].startswith("/account/login/")
    carried_across.post("/account/login/", {"login": "uma", "password": "wrong"})
    after = Session.objects.get(pk=before.pk)
    assert after.session_data == before.session_data

    settings.SESSION_PORTAL = "selfservice"
    assert uma.get("/my/").status_code == 200


def test_what_is_stored_can_be_read_by_who_ends_sessions(uma: Client) -> None:
    """Sign-out everywhere reads sessions as Django keeps them, of either portal."""
    content = Session.objects.get().get_decoded()
    assert content["_auth_user_id"] == str(Account.objects.get().pk)
