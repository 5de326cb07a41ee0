"""Decisions in place: on OPEN TASKS and on the page of a request, without a new page; refusals too."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from identity_manager.models import RequestState, TokenRequest
from identity_manager.workflow.requests import cancellation
from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.browser.desk import Desk
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]


def state_of(row: TokenRequest) -> str:
    return str(TokenRequest.objects.get(pk=row.pk).state)


def opened_tasks(desk: Desk, words: str = "Decide Uma") -> None:
    """OPEN TASKS, with a mark that a new page would wipe away; the decision is unfolded."""
    desk.open("/open-tasks/")
    desk.page.evaluate("window.samePage = true")
    desk.page.get_by_role("link", name=words).click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("Uma Lindqvist")


def is_the_same_page(desk: Desk) -> bool:
    return bool(desk.page.evaluate("window.samePage === true"))


def test_approved_on_open_tasks(open_desk: OpenDesk, company: Company) -> None:
    row = company.request_in("requested")
    paul = open_desk("paul")
    opened_tasks(paul)
    paul.look()
    paul.page.get_by_role("dialog").get_by_role("button", name="Approve").click()

    expect(paul.page.locator(".flashes")).to_contain_text("Request for Uma Lindqvist approved.")
    expect(paul.page.get_by_role("dialog")).to_be_hidden()
    expect(paul.page.get_by_role("main")).to_be_focused()
    expect(paul.page.locator("#announcement")).to_have_text("Request for Uma Lindqvist approved.")
    expect(paul.page.locator("#portal-tabs .count")).to_have_count(0)
    assert (state_of(row), is_the_same_page(paul)) == (RequestState.AWAITING_ACCEPTANCE, True)
    assert paul.page.url.endswith("/open-tasks/")
    paul.look()


def test_rejected_on_open_tasks_with_a_reason_that_unfolds(open_desk: OpenDesk, company: Company) -> None:
    row = company.request_in("requested")
    paul = open_desk("paul", viewport=PHONE, color_scheme="dark")
    opened_tasks(paul)
    reason = paul.page.get_by_role("dialog").get_by_label("Reason")
    expect(reason).to_be_hidden()
    paul.page.get_by_role("dialog").get_by_text("Reject", exact=True).first.click()
    reason.fill("Your project has ended.")
    paul.look()
    paul.page.get_by_role("dialog").get_by_role("button", name="Reject").click()

    expect(paul.page.locator(".flashes")).to_contain_text("Request for Uma Lindqvist rejected.")
    assert (state_of(row), is_the_same_page(paul)) == (RequestState.REJECTED, True)
    paul.look()


@pytest.mark.nightly
def test_approved_on_the_page_of_the_request(open_desk: OpenDesk, company: Company) -> None:
    row = company.request_in("requested")
    paul = open_desk("paul")
    paul.open(reverse("console:request", args=[row.pk]))
    paul.page.evaluate("window.samePage = true")
    paul.page.get_by_role("button", name="Approve").click()

    expect(paul.page.locator(".flashes")).to_contain_text("Request for Uma Lindqvist approved.")
    expect(paul.page.locator("h1 + .badge")).to_have_text("Waits for acceptance")
    assert (state_of(row), is_the_same_page(paul)) == (RequestState.AWAITING_ACCEPTANCE, True)
    paul.look()


def test_who_comes_too_late_reads_what_happened(open_desk: OpenDesk, company: Company) -> None:
    row = company.request_in("requested")
    paul = open_desk("paul")
    opened_tasks(paul)
    cancellation.cancel(actor=company.ada, request_id=row.pk, reason="left the project")
    paul.page.get_by_role("dialog").get_by_role("button", name="Approve").click()

    expect(paul.page.get_by_role("main")).to_contain_text("does not wait for a decision any more")
    expect(paul.page.get_by_role("main")).to_contain_text("left the project")
    paul.inspection.expect_status(409)
    assert is_the_same_page(paul)
    paul.look()


@pytest.mark.nightly
def test_postponed_on_open_tasks(open_desk: OpenDesk, company: Company) -> None:
    company.request_in("requested")
    paul = open_desk("paul")
    opened_tasks(paul)
    paul.page.get_by_role("dialog").get_by_text("Postpone", exact=True).first.click()
    paul.page.get_by_role("dialog").get_by_label("Until").fill("2099-01-01T08:00")
    paul.page.get_by_role("dialog").get_by_role("button", name="Postpone").click()

    expect(paul.page.get_by_role("main")).to_contain_text("at most 90 days")
    paul.inspection.expect_status(422)
    paul.look()


def test_without_scripts_decide_leads_to_the_request(open_desk: OpenDesk, company: Company) -> None:
    row = company.request_in("requested")
    paul = open_desk("paul", scripts=False)
    paul.open("/open-tasks/")
    paul.follow("Decide Uma")
    paul.press("Approve")
    paul.sees("Request for Uma Lindqvist approved.")
    assert state_of(row) == RequestState.AWAITING_ACCEPTANCE


def test_what_was_unfolded_before_is_gone_while_the_next_comes(open_desk: OpenDesk, company: Company) -> None:
    """Else somebody might approve the request that they looked at a moment ago."""
    company.request_in("requested")
    cast.enabled(company.ada, cast.person("sven", display_name="Sven Berg", sid=""), company.signature)
    paul = open_desk("paul")
    opened_tasks(paul)
    paul.page.keyboard.press("Escape")
    paul.page.route("**/decide/", lambda route: None)  # it is never answered
    paul.page.get_by_role("link", name="Decide Sven").click()

    dialog = paul.page.get_by_role("dialog", name="Your decision")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Approve")).to_have_count(0)
    expect(dialog).not_to_contain_text("Uma")


@pytest.mark.parametrize("status", [429, pytest.param(502, marks=pytest.mark.nightly)])
def test_what_did_not_work_is_said(open_desk: OpenDesk, company: Company, status: int) -> None:
    row = company.request_in("requested")
    paul = open_desk("paul")
    opened_tasks(paul)
    paul.page.route("**/approve/", lambda route: route.fulfill(status=status, body="Busy"))
    paul.page.get_by_role("dialog").get_by_role("button", name="Approve").click()

    trouble = paul.page.get_by_role("dialog", name="This did not work")
    expect(trouble).to_contain_text("Nothing is half done")
    trouble.get_by_role("button", name="Close").click()
    expect(trouble).to_be_hidden()
    assert state_of(row) == RequestState.REQUESTED


def test_no_answer_at_all_is_said(open_desk: OpenDesk, company: Company) -> None:
    company.request_in("requested")
    paul = open_desk("paul")
    paul.open("/open-tasks/")
    paul.page.route("**/decide/", lambda route: route.abort())
    paul.page.get_by_role("link", name="Decide Uma").click()

    expect(paul.page.get_by_role("dialog", name="This did not work")).to_be_visible()
