"""The option in Chromium: Request softtoken, the approver's OPEN TASKS, and on; or a rejection."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from identity_manager.models import RequestState, TokenRequest
from tests.browser import road
from tests.browser.conftest import NEEDS, OpenDesk, in_looks

pytestmark = [*NEEDS, pytest.mark.long]


@in_looks("390 px")
def test_from_request_softtoken_to_a_file_that_opens(
    open_desk: OpenDesk, tmp_path: Path, look: dict[str, Any]
) -> None:
    uma, paul = open_desk("uma", **look), open_desk("paul", **look)

    # 1  uma asks; without a check she is told at the field
    uma.open("/my/request/")
    uma.press("Next", status=422)
    road.ask(uma, "SIGNATURE")
    uma.sees("Waits for approval")

    # 2  paul approves
    paul.follow("OPEN TASKS")
    paul.follow("Uma Lindqvist")
    paul.sees_heading("SIGNATURE for Uma Lindqvist")
    paul.press("Approve")
    paul.sees("Approved")

    # 3 to 6
    road.open_the_link_of_the_mail(uma, "uma@example.com")
    road.accept(uma)
    passphrase = road.show_passphrase(uma)
    road.note_passphrase(uma)
    uma.follow("Certificates")
    uma.sees("SIGNATURE")
    uma.inspection.look_for(passphrase)

    # 7
    file = road.fetch_file(uma, "uma@example.com", tmp_path)
    assert "Uma Lindqvist" in road.open_file(uma, file, passphrase).subject
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


@pytest.mark.nightly
@in_looks("1280 px, dark")
def test_rejected_in_a_dialog_with_a_reason_that_the_person_reads(
    open_desk: OpenDesk, look: dict[str, Any]
) -> None:
    uma, paul = open_desk("uma", **look), open_desk("paul", **look)
    road.ask(uma, "SIGNATURE")
    paul.follow("OPEN TASKS")
    paul.follow("Uma Lindqvist")
    opener = paul.page.get_by_role("link", name="Reject")
    dialog = paul.page.get_by_role("dialog")

    # opens with the focus in it; Escape closes it, and the focus is where it was
    opener.click()
    expect(dialog).to_be_visible()
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    paul.look()
    paul.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()

    opener.click()
    paul.press("Reject", within=dialog, status=422)
    paul.page.get_by_label("Reason").last.fill("Your project has ended.")
    paul.press("Reject")

    paul.sees("Your project has ended.")
    assert TokenRequest.objects.get().state == RequestState.REJECTED
    uma.open("/my/requests/")
    uma.sees("Your project has ended.")


@pytest.mark.nightly
@in_looks("390 px, dark")
def test_declined_and_withdrawn_lead_somewhere(open_desk: OpenDesk, look: dict[str, Any]) -> None:
    """The quiet ways out: each asks once more and ends on a page that shows the state."""
    uma, ada = open_desk("uma", **look), open_desk("ada", **look)
    road.ask(uma, "SIGNATURE")
    uma.follow("Withdraw")
    uma.press("Withdraw the request")
    uma.sees("Cancelled")

    road.search(ada, "lindq")
    road.enable(ada, "VPN")
    uma.open("/my/open-tasks/")
    uma.follow("Read and accept")
    uma.follow("Decline")
    uma.press("Decline")
    uma.sees("Declined")
    assert not TokenRequest.objects.exclude(
        state__in=(RequestState.CANCELLED, RequestState.DECLINED)
    ).exists()


@pytest.mark.parametrize("path", ["/requests/", "/open-tasks/", "/"])
def test_who_may_not_is_told_so(open_desk: OpenDesk, path: str) -> None:
    uma = open_desk("uma")
    uma.page.goto(path)
    uma.inspection.expect_status(403)
    uma.look()
    uma.sees_heading("This is not open to you")
