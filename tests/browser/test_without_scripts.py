"""The whole road in a browser that runs no scripts: copying apart, nothing is missing."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from identity_manager.models import RequestState, TokenRequest
from tests.browser import road
from tests.browser.conftest import NEEDS, OpenDesk

pytestmark = [*NEEDS, pytest.mark.long]


def test_the_road(open_desk: OpenDesk, tmp_path: Path) -> None:
    ada, paul, uma = (open_desk(name, scripts=False) for name in ("ada", "paul", "uma"))
    road.search(ada, "lindq")
    road.enable(ada, "SIGNATURE")

    paul.follow("OPEN TASKS")
    paul.follow("Uma Lindqvist")
    paul.press("Approve")

    road.open_the_link_of_the_mail(uma, "uma@example.com")
    road.accept_while_the_worker_is_away(uma)
    passphrase = road.show_passphrase(uma)
    expect(uma.page.get_by_text("Hidden in")).to_be_hidden()  # no promise that only a script can keep
    expect(uma.page.get_by_role("button", name="Copy")).to_be_hidden()
    road.note_passphrase(uma)

    file = road.fetch_file(uma, "uma@example.com", tmp_path)
    assert "Uma Lindqvist" in road.open_file(uma, file, passphrase).subject
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


@pytest.mark.nightly
def test_a_rejection_has_a_page_of_its_own(open_desk: OpenDesk) -> None:
    uma, paul = (open_desk(name, scripts=False) for name in ("uma", "paul"))
    road.ask(uma, "SIGNATURE")
    paul.follow("OPEN TASKS")
    paul.follow("Uma Lindqvist")
    paul.follow("Reject")
    paul.sees_heading("Reject")
    paul.page.get_by_label("Reason").fill("Your project has ended.")
    paul.press("Reject")
    assert TokenRequest.objects.get().state == RequestState.REJECTED
