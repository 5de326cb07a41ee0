"""After the delivery: the file once more, for another device, and fetched where mail brings none."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from pytest_django import Settings

from identity_manager.models import Container, SoftwareToken
from tests.browser import road
from tests.browser.conftest import NEEDS, OpenDesk, in_looks
from tests.browser.desk import Desk
from tests.journeys.office import PASSWORD, delivered_files
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]
UMA = "uma@example.com"
OLD_DEVICE = "Android 13 or older"  # reads another file than the usual one


def noted(company: Company) -> str:
    """uma has a token, its file by mail, and its passphrase on paper."""
    token = cast.delivered(company.request_in("issued")).tokens.get()
    passphrase = cast.shown(token)
    cast.noted(token)
    return passphrase


def format_of(content: bytes) -> str:
    return next(str(row.format) for row in Container.objects.all() if row.content == content)


def send_again(uma: Desk, device: str) -> None:
    uma.open("/my/certificates/")
    uma.follow("VPN")
    uma.follow(device)
    uma.sees(f"How to install it: {device}")
    uma.press("Send the file again")


@in_looks("390 px")
def test_the_file_is_sent_again_for_another_device(
    open_desk: OpenDesk, company: Company, tmp_path: Path, look: dict[str, Any]
) -> None:
    passphrase = noted(company)
    uma = open_desk("uma", **look)

    send_again(uma, OLD_DEVICE)

    (_name, again), (_first_name, first) = delivered_files(UMA)
    assert (format_of(first), format_of(again)) == ("standard", "compatible")
    file = road.fetch_file(uma, UMA, tmp_path)
    assert file.read_bytes() == again
    assert "Uma Lindqvist" in road.open_file(uma, file, passphrase).subject


@pytest.mark.nightly
def test_an_officer_sends_it_again(open_desk: OpenDesk, company: Company) -> None:
    noted(company)
    ada, token = open_desk("ada"), SoftwareToken.objects.get()
    ada.open(f"/requests/{token.request_id}/")
    ada.follow("Send again")
    ada.press("Send again")
    assert len(delivered_files(UMA)) == 2


@pytest.mark.nightly
def test_it_is_sent_again_without_scripts(open_desk: OpenDesk, company: Company) -> None:
    noted(company)
    send_again(open_desk("uma", scripts=False), OLD_DEVICE)
    assert len(delivered_files(UMA)) == 2


def sign_in_again(uma: Desk) -> None:
    """The page says that the other half needs another sign-in, and has the button."""
    uma.press("Sign out", within=uma.page.get_by_role("main"))
    road.sign_in(uma, "uma", PASSWORD)


def fetch(uma: Desk, folder: Path) -> Path:
    """Fetch the file, for the device that is chosen: the answer to the click is the file."""
    with uma.page.expect_download() as awaited:
        uma.page.get_by_role("button", name="Fetch the file").first.click()
    saved = folder / awaited.value.suggested_filename
    awaited.value.save_as(saved)
    return saved


def fetched_then_opened(uma: Desk, folder: Path, *, device: str = "") -> None:
    uma.open("/my/open-tasks/")
    uma.follow("Fetch")
    if device:
        uma.follow(device)
        uma.sees(f"How to install it: {device}")
    file = fetch(uma, folder)
    assert format_of(file.read_bytes()) == ("compatible" if device else "standard")
    token = SoftwareToken.objects.get()
    uma.open(f"/my/tokens/{token.pk}/passphrase/")
    uma.sees("Sign out, sign in again, and then see the passphrase.")
    expect(uma.page.get_by_role("button", name="Show passphrase")).to_have_count(0)

    sign_in_again(uma)
    uma.open(f"/my/tokens/{token.pk}/passphrase/")
    passphrase = road.show_passphrase(uma)
    uma.inspection.look_for(passphrase)
    road.note_passphrase(uma)
    assert "Uma Lindqvist" in road.open_file(uma, file, passphrase).subject
    assert SoftwareToken.objects.get().state == "active"


@in_looks("1280 px, dark")
def test_fetched_where_mail_brings_none(
    open_desk: OpenDesk, company: Company, settings: Settings, tmp_path: Path, look: dict[str, Any]
) -> None:
    settings.DELIVERY_MODE = "link"
    cast.delivered(company.request_in("issued"))
    fetched_then_opened(open_desk("uma", **look), tmp_path, device=OLD_DEVICE)
    assert delivered_files(UMA) == []


@pytest.mark.nightly
def test_fetched_without_scripts(
    open_desk: OpenDesk, company: Company, settings: Settings, tmp_path: Path
) -> None:
    settings.DELIVERY_MODE = "link"
    cast.delivered(company.request_in("issued"))
    fetched_then_opened(open_desk("uma", scripts=False), tmp_path)
