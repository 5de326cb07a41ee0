"""The pages of files that did not arrive, of tokens not said to be installed, and of mail domains."""

from datetime import timedelta

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import (
    DeliveryProblem,
    InstallationNotice,
    Person,
    Role,
    SoftwareToken,
)
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.workflow.delivery import arrival, download, installation_check
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
OPEN_TASKS, DOMAINS = reverse("console:approvals"), reverse("console:mail-domains")
FETCH, LEAVE = "Let them fetch it in Self-Service", "Leave as it is"


@pytest.fixture
def problem(token: SoftwareToken) -> DeliveryProblem:
    return arrival.say(actor=token.person, token_id=token.pk, kind="stripped")


@pytest.fixture
def notice(token: SoftwareToken) -> InstallationNotice:
    """Its person was reminded, and officers were told."""
    now = timezone.now()
    return InstallationNotice.objects.create(token=token, asked_at=now, told_at=now, mails=2)


def page(problem: DeliveryProblem, name: str = "") -> str:
    return reverse(f"console:not-arrived{name}", args=[problem.pk])


def notice_page(notice: InstallationNotice) -> str:
    return reverse("console:not-installed", args=[notice.pk])


# --- A file that did not arrive
def test_from_open_tasks_to_the_opened_download(ada: Client, problem: DeliveryProblem) -> None:
    assert tasks(ada.get(OPEN_TASKS), "not-arrived") == [problem]
    assert FETCH in ada.get(page(problem)).text
    assert "can fetch the file" in ada.post(page(problem, "-open"), follow=True).text
    assert download.fetch_obstacle(SoftwareToken.objects.get()) is None
    assert tasks(ada.get(OPEN_TASKS), "not-arrived") == []
    text = ada.get(page(problem)).text
    assert str(arrival.ANSWERED) in text
    assert FETCH not in text
    for name, form in (("-open", {}), ("", {"reason": "Look again."})):
        late = ada.post(page(problem, name), form)
        assert late.status_code == 409
        assert str(arrival.ANSWERED) in late.text


def test_an_answer_needs_words_and_is_read_by_the_person(
    ada: Client, company: Company, problem: DeliveryProblem
) -> None:
    empty = ada.post(page(problem), {"reason": " "})
    assert empty.status_code == 422
    assert empty.context["form"].errors == {"reason": [str(NO_REASON)]}
    assert ada.post(page(problem), {"reason": "It lies in the quarantine."}).status_code == 302
    problem.refresh_from_db()
    assert (problem.outcome, problem.reason) == ("answered", "It lies in the quarantine.")
    own = reverse("selfservice:token", args=[problem.token_id])
    assert "It lies in the quarantine." in signed_in(company.uma).get(own).text


def test_another_report_shows_what_was_answered_before(
    ada: Client, company: Company, problem: DeliveryProblem
) -> None:
    arrival.answer(actor=company.ada, problem_id=problem.pk, reason="Look again.")
    again = arrival.say(actor=company.uma, token_id=problem.token_id, kind="not-arrived")
    text = ada.get(page(again)).text
    assert "Another time" in text
    assert problem.get_outcome_display() in text


def test_who_vouched_for_the_person_reads_why_another_officer_decides(
    ada: Client, company: Company, problem: DeliveryProblem
) -> None:
    Person.objects.filter(pk=company.uma.pk).update(entered_by=company.ada)
    text = ada.get(page(problem)).text
    assert str(vouching_policy.ENTERED) in text
    assert FETCH not in text
    assert ada.post(page(problem, "-open")).status_code == 403
    assert ada.post(page(problem), {"reason": "No."}).status_code == 403
    assert download.fetch_obstacle(SoftwareToken.objects.get()) == download.COMES_BY_MAIL


def test_nobody_decides_about_their_own_file(company: Company, problem: DeliveryProblem) -> None:
    company.uma.roles.create(role=Role.TOKEN_ADMINISTRATOR)
    uma = signed_in(company.uma)
    assert str(arrival.YOUR_OWN) in uma.get(page(problem)).text
    assert uma.post(page(problem, "-open")).status_code == 403
    assert uma.post(page(problem), {"reason": "Mine."}).status_code == 403


@pytest.mark.parametrize("role", [Role.TOKEN_ADMINISTRATOR, Role.APPROVER, Role.AUDITOR])
def test_a_problem_of_another_unit_or_office_is_not_there(problem: DeliveryProblem, role: Role) -> None:
    unit = "Sued" if role == Role.TOKEN_ADMINISTRATOR else ""
    visitor = signed_in(officer("far", role, unit=unit))
    wanted = 404 if unit else 403
    assert visitor.get(page(problem)).status_code == wanted
    assert visitor.post(page(problem, "-open")).status_code == wanted
    assert visitor.post(page(problem), {"reason": "No."}).status_code == wanted


def test_a_domain_that_removes_attachments_is_said_where_it_matters(
    ada: Client, company: Company, problem: DeliveryProblem
) -> None:
    assert "removes attachments" not in ada.get(page(problem)).text
    for number in range(3):
        person = cast.person(f"s{number}", sid="", email=f"s{number}@example.com")
        request = cast.accepted(cast.enabled(company.ada, person, company.vpn))
        theirs = cast.noted(cast.delivered(cast.issued(request)).tokens.get())
        arrival.say(actor=person, token_id=theirs.pk, kind="stripped")
    text = ada.get(page(problem)).text
    assert "This domain seems to remove attachments" in text
    assert DOMAINS in text
    caches["default"].clear()
    [row] = ada.get(DOMAINS).context["rows"]
    assert (row.domain, row.stripped, row.strips) == ("example.com", 4, True)
    assert "Seems to remove attachments" in ada.get(DOMAINS).text


def test_without_a_mailed_file_the_domains_say_so(ada: Client, company: Company) -> None:
    assert "No file was mailed yet" in ada.get(DOMAINS).text


# --- A token that nobody has said to be installed
def test_left_as_it_is_with_a_reason(ada: Client, notice: InstallationNotice) -> None:
    assert tasks(ada.get(OPEN_TASKS), "not-installed") == [notice]
    empty = ada.post(notice_page(notice), {"reason": ""})
    assert empty.status_code == 422
    assert empty.context["form"].errors == {"reason": [str(NO_REASON)]}
    done = ada.post(notice_page(notice), {"reason": "On a machine without a screen."}, follow=True)
    assert "stays as it is" in done.text
    notice.refresh_from_db()
    assert notice.reason == "On a machine without a screen."
    assert tasks(ada.get(OPEN_TASKS), "not-installed") == []
    text = ada.get(notice_page(notice)).text
    assert str(installation_check.ANSWERED) in text
    assert LEAVE not in text
    assert ada.post(notice_page(notice), {"reason": "Again."}).status_code == 409


def test_the_page_leads_to_sending_and_revoking(ada: Client, notice: InstallationNotice) -> None:
    text = ada.get(notice_page(notice)).text
    for name in ("console:token-send-again", "console:token-revoke"):
        assert reverse(name, args=[notice.token_id]) in text
    assert "It was to be revoked" not in text
    InstallationNotice.objects.update(revoke_at=timezone.now() - timedelta(days=1))
    assert "It was to be revoked" in ada.get(notice_page(notice)).text


def test_nobody_leaves_their_own_token(company: Company, notice: InstallationNotice) -> None:
    company.uma.roles.create(role=Role.TOKEN_ADMINISTRATOR)
    uma = signed_in(company.uma)
    assert str(installation_check.YOUR_OWN) in uma.get(notice_page(notice)).text
    assert uma.post(notice_page(notice), {"reason": "Mine."}).status_code == 403
    assert InstallationNotice.objects.get().ended_at is None


def test_a_notice_of_another_unit_is_not_there(notice: InstallationNotice) -> None:
    far = signed_in(officer("far", Role.TOKEN_ADMINISTRATOR, unit="Sued"))
    assert far.get(notice_page(notice)).status_code == 404
    assert far.post(notice_page(notice), {"reason": "No."}).status_code == 404
