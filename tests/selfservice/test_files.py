"""The guarded download through its page: a POST hands the file out, GET never; and why not yet."""

import plistlib
import time
from http import HTTPStatus

import pytest
from django.http import HttpResponse
from django.test import Client

from identity_manager.models import Container, DeliveryState, OutgoingMail, SoftwareToken
from tests.selfservice.conftest import Desk, Visitor, page

LONG_AGO = 16 * 60


@pytest.fixture
def bounced(desk: Desk) -> SoftwareToken:
    """A token of uma whose passphrase is to be noted, and whose mail came back."""
    SoftwareToken.objects.filter(pk=desk.sealed.pk).update(delivery=DeliveryState.BOUNCED)
    return SoftwareToken.objects.get(pk=desk.sealed.pk)


def now(desk: Desk, visit: Visitor) -> Client:
    """uma's browser, signed in at this moment: what she did on the desk before is of another window."""
    return visit(desk.uma, seconds_ago=0)


def standard(token: SoftwareToken) -> Container:
    return token.containers.get(format="standard")


def fetch(client: Client, token: SoftwareToken, **changes: str) -> HttpResponse:
    return client.post(page("files", token.pk), {"container": str(standard(token).pk)} | changes)


def test_the_page_names_the_file_and_does_not_hold_it(
    desk: Desk, visit: Visitor, bounced: SoftwareToken
) -> None:
    response = now(desk, visit).get(page("files", bounced.pk))
    assert standard(bounced).file_name in response.content.decode()
    assert page("file-help") in response.content.decode()
    assert response["Content-Type"].startswith("text/html")
    assert standard(bounced).downloads == 0


def test_a_click_hands_it_out_as_an_attachment_that_nobody_keeps(
    desk: Desk, visit: Visitor, bounced: SoftwareToken
) -> None:
    response = fetch(now(desk, visit), bounced)
    assert response.status_code == HTTPStatus.OK
    assert response.content == standard(bounced).content
    assert response["Content-Type"] == "application/x-pkcs12"
    assert response["Content-Disposition"] == f'attachment; filename="{standard(bounced).file_name}"'
    assert "no-store" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert standard(bounced).downloads == 1
    assert OutgoingMail.objects.filter(message="file_fetched").count() == 1


def test_an_old_sign_in_does_not_do(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    response = fetch(visit(desk.uma, seconds_ago=LONG_AGO), bounced)
    assert response["Location"].startswith("/account/reauthenticate/")
    assert standard(bounced).downloads == 0


def test_a_stranger_does_not_learn_of_it(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    assert fetch(visit(desk.sam), bounced).status_code == HTTPStatus.NOT_FOUND
    assert standard(bounced).downloads == 0


def test_the_file_of_another_token_is_refused(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    other = desk.active.containers.filter(format="standard").first()
    assert other is not None
    response = fetch(now(desk, visit), bounced, container=str(other.pk))
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Choose one of the files" in response.content.decode()


@pytest.mark.parametrize("forged", ["", "no id"])
def test_what_no_page_of_ours_sends(desk: Desk, visit: Visitor, bounced: SoftwareToken, forged: str) -> None:
    response = fetch(now(desk, visit), bounced, container=forged)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_where_mail_brings_it_the_page_says_so(desk: Desk, visit: Visitor) -> None:
    client = now(desk, visit)
    text = client.get(page("files", desk.sealed.pk)).content.decode()
    response = fetch(client, desk.sealed)
    assert "This file comes by mail." in text
    assert response.status_code == HTTPStatus.CONFLICT
    assert "This file comes by mail." in response.content.decode()


def test_after_a_passphrase_the_page_says_to_sign_out(
    desk: Desk, visit: Visitor, bounced: SoftwareToken
) -> None:
    client = now(desk, visit)
    client.post(page("passphrase", bounced.pk))

    text = client.get(page("files", bounced.pk)).content.decode()
    response = fetch(client, bounced)

    assert "Sign out, sign in again, and then fetch the file." in text
    assert 'name="container"' not in text
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert standard(bounced).downloads == 0


def test_a_confirmed_password_opens_no_new_window(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    client = now(desk, visit)
    client.post(page("passphrase", bounced.pk))
    session = client.session
    proofs = session["account_authentication_methods"]
    session["account_authentication_methods"] = [*proofs, {"method": "password", "at": time.time()}]
    session.save()

    assert fetch(client, bounced).status_code == HTTPStatus.FORBIDDEN


def test_after_a_file_the_passphrase_waits_for_another_sign_in(
    desk: Desk, visit: Visitor, bounced: SoftwareToken
) -> None:
    client = now(desk, visit)
    fetch(client, bounced)

    text = client.get(page("passphrase", bounced.pk)).content.decode()
    response = client.post(page("passphrase", bounced.pk))

    assert "Sign out, sign in again, and then see the passphrase." in text
    assert "Show passphrase" not in text
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert "secret-group" not in response.content.decode()


def test_another_sign_in_gets_the_other(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    fetch(now(desk, visit), bounced)
    response = now(desk, visit).post(page("passphrase", bounced.pk))
    assert "secret-group" in response.content.decode()


def test_open_tasks_and_the_token_lead_there(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    client, address = now(desk, visit), page("files", bounced.pk)
    tasks = client.get(page("open-tasks")).content.decode()
    assert address in tasks
    assert "The mail with it did not arrive." in tasks
    assert address in client.get(page("token", bounced.pk)).content.decode()
    fetch(client, bounced)
    assert address not in client.get(page("open-tasks")).content.decode()


def test_the_number_on_the_tab_counts_it(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    client = now(desk, visit)
    before = client.get(page("open-tasks")).context["portal"].own_tasks
    fetch(client, bounced)
    assert client.get(page("open-tasks")).context["portal"].own_tasks == before - 1


def test_for_apple_devices_the_profile_comes_first(
    desk: Desk, visit: Visitor, bounced: SoftwareToken
) -> None:
    client = now(desk, visit)
    for_phone = client.get(page("files", bounced.pk), {"device": "iphone"}).content.decode()
    for_windows = client.get(page("files", bounced.pk), {"device": "windows"}).content.decode()
    of_token = client.get(page("token", bounced.pk), {"device": "macos"}).content.decode()

    assert for_phone.index("Fetch the profile") < for_phone.index(standard(bounced).file_name)
    assert "The device says “Not Signed”" in for_phone
    assert "Fetch the profile" not in for_windows
    assert of_token.index("Fetch the profile") < of_token.index("Or with the file")


def test_a_click_hands_out_the_profile(desk: Desk, visit: Visitor, bounced: SoftwareToken) -> None:
    response = now(desk, visit).post(page("files", bounced.pk), {"device": "iphone"})
    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == "application/x-apple-aspen-config"
    assert response["Content-Disposition"].endswith('.mobileconfig"')
    assert "no-store" in response["Cache-Control"]
    assert standard(bounced).content in plistlib.loads(response.content)["PayloadContent"][-1].values()


@pytest.mark.parametrize("forged", ["windows", "", "no device"])
def test_a_device_that_takes_no_profile_is_refused(
    desk: Desk, visit: Visitor, bounced: SoftwareToken, forged: str
) -> None:
    response = now(desk, visit).post(page("files", bounced.pk), {"device": forged})
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Choose a device from the list." in response.content.decode()
    assert standard(bounced).downloads == 0


def test_where_mail_brings_the_files_no_profile_is_handed_out(desk: Desk, visit: Visitor) -> None:
    client = now(desk, visit)
    response = client.post(page("files", desk.sealed.pk), {"device": "iphone"})
    assert response.status_code == HTTPStatus.CONFLICT
    assert (
        "Fetch the profile"
        not in client.get(page("token", desk.sealed.pk), {"device": "iphone"}).content.decode()
    )
