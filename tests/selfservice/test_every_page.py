"""Every page, for its owner, a stranger, somebody without the role, on leave, or not signed in."""

from http import HTTPStatus

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from selfservice.urls import urlpatterns
from tests.selfservice.conftest import Desk, Visitor

pytestmark = pytest.mark.long

NAMES = [pattern.name for folder in urlpatterns for pattern in folder.url_patterns]
POST_ONLY = {
    *("acknowledge", "send-again", "installed", "not-installed", "not-arrived", "arrived"),
    "remind-approvers",
}
OF_NOBODY = {
    "revoke-all",
    "replace",
    "dashboard",
    "open-tasks",
    "request-softtoken",
    "requests",
    "certificates",
    "file-help",
    "help",
    "renewals",
    *("recover", "forgotten-passphrase", "new-device"),
}
CHANGES = ("INSERT", "UPDATE", "DELETE")
BUSINESS = ("identity_manager_", "ca_bridge_")


def test_every_page_is_on_the_desk(desk: Desk) -> None:
    assert set(desk.addresses()) == set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in POST_ONLY])
def test_the_owner_sees_it(desk: Desk, visit: Visitor, name: str) -> None:
    """Or is led on to what they see."""
    assert visit(desk.uma).get(desk.addresses()[name], follow=True).status_code == HTTPStatus.OK


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OF_NOBODY])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_learns_nothing(desk: Desk, visit: Visitor, name: str, method: str) -> None:
    response = getattr(visit(desk.sam), method)(desk.addresses()[name])
    assert response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


@pytest.mark.parametrize("name", NAMES)
def test_who_is_not_signed_in_is_asked_to(desk: Desk, name: str) -> None:
    response = Client().post(desk.addresses()[name])
    assert response.status_code == HTTPStatus.FOUND
    assert response["Location"].startswith("/account/login/")


@pytest.mark.parametrize("name", NAMES)
def test_without_the_role_it_says_why(desk: Desk, visit: Visitor, name: str) -> None:
    client = visit(desk.ada)
    response = (
        client.post(desk.addresses()[name]) if name in POST_ONLY else client.get(desk.addresses()[name])
    )
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert "Self-Service User" in response.content.decode()


@pytest.mark.parametrize("name", NAMES)
def test_who_went_on_leave_is_out(desk: Desk, visit: Visitor, name: str) -> None:
    client = visit(desk.uma)
    desk.uma.deactivate()
    desk.uma.save()
    response = client.post(desk.addresses()[name])
    assert response.status_code in (HTTPStatus.FOUND, HTTPStatus.FORBIDDEN)
    assert "Location" not in response or response["Location"].startswith("/account/login/")


@pytest.mark.parametrize("name", NAMES)
def test_looking_changes_nothing(desk: Desk, visit: Visitor, name: str) -> None:
    client = visit(desk.uma)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(desk.addresses()[name])
    written = [query["sql"] for query in queries if query["sql"].startswith(CHANGES)]
    assert [sql for sql in written if any(table in sql for table in BUSINESS)] == []


@pytest.mark.parametrize("name", sorted(POST_ONLY))
def test_actions_are_for_post(desk: Desk, visit: Visitor, name: str) -> None:
    assert visit(desk.uma).get(desk.addresses()[name]).status_code == HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    "name", ["terms", "withdraw", "decline", "passphrase", "acknowledge", "lock", "send-again"]
)
def test_a_post_without_its_token_is_refused(desk: Desk, visit: Visitor, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = visit(desk.uma).cookies
    assert client.post(desk.addresses()[name]).status_code == HTTPStatus.FORBIDDEN
