"""Officers without a second factor reach nothing of Identity Manager until they have set one up."""

import pytest
from pytest_django import Settings

from identity_manager.models import Account, Role, RoleAssignment, TokenRequest
from identity_manager.people.sign_in import second_factors
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import account
from tests.tools import cast

pytestmark = pytest.mark.django_db
NEEDED = "/account/second-factors/needed/"


@pytest.fixture(autouse=True)
def _needed(settings: Settings) -> None:
    settings.OFFICERS_NEED_SECOND_FACTOR = True


@pytest.fixture
def ada(db: None) -> Account:
    return account(cast.person("ada"))


def test_every_page_leads_to_setting_it_up(ada: Account) -> None:
    client = factors.signed_in(ada)
    for path in ("/", "/search/", "/requests/", "/open-tasks/", "/admin/"):
        assert client.get(path)["Location"] == NEEDED
    page = client.get(NEEDED).content.decode()
    assert "/account/passkeys/add/" in page
    assert "/account/second-factors/app/" in page


def test_no_verb_is_reached(ada: Account) -> None:
    client = factors.signed_in(ada)
    uma, vpn = cast.person("uma"), cast.token_type("vpn")
    assert client.post(f"/persons/{uma.pk}/enable/", {"types": [str(vpn.pk)]})["Location"] == NEEDED
    assert not TokenRequest.objects.exists()


def test_then_everything_opens(ada: Account) -> None:
    client = factors.signed_in(ada)
    factors.with_app(ada)
    assert client.get("/").status_code == 200
    assert client.get(NEEDED)["Location"] == "/account/"


def test_without_it_again_the_portal_is_closed_again(ada: Account) -> None:
    factors.with_app(ada)
    client = factors.signed_in(ada, app=True)
    assert client.get("/").status_code == 200
    row = second_factors.of(ada, "totp").get()
    second_factors.remove(actor=ada.person, row_id=row.pk)
    assert client.get("/")["Location"] == NEEDED


def test_self_service_and_the_account_stay_open(ada: Account) -> None:
    RoleAssignment.objects.create(person=ada.person, role=Role.SELF_SERVICE_USER)
    client = factors.signed_in(ada)
    for path in ("/my/", "/my/certificates/", "/account/", "/account/passkeys/add/"):
        assert client.get(path).status_code == 200
    assert "Go on to Self-Service" in client.get(NEEDED).content.decode()


def test_who_holds_no_office_needs_none() -> None:
    client = factors.signed_in(account(cast.person("uma")))
    assert client.get("/my/").status_code == 200
    assert client.get("/").status_code == 403


def test_where_it_is_off_nobody_is_led_anywhere(ada: Account, settings: Settings) -> None:
    settings.OFFICERS_NEED_SECOND_FACTOR = False
    assert factors.signed_in(ada).get("/").status_code == 200
