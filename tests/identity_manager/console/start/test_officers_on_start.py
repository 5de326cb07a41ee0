"""START of a User Administrator: how many hold each role, and how the recertification stands."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import AskedApprover, Role, RoleAssignment, TokenRequest
from identity_manager.people.officers import recertification
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
START = reverse("console:start")


def holders(browser: Client) -> dict[str, tuple[int, int, int]]:
    rows = browser.get(START).context["role_matrix"]
    return {row.url.partition("role=")[2]: (row.everywhere, row.in_units, row.ends_soon) for row in rows}


def test_each_role_has_its_holders_and_leads_to_them(company: cast.Company) -> None:
    ursula = officer("ursula", Role.USER_ADMINISTRATOR)
    officer("otto", Role.AUDITOR, unit="North")
    held = RoleAssignment.objects.create(
        person=cast.person("olaf", roles=()), role=Role.AUDITOR, valid_until=timezone.localdate()
    )
    browser = signed_in(ursula)

    found = holders(browser)

    assert found[Role.AUDITOR] == (1, 1, 1)
    assert found[Role.USER_ADMINISTRATOR] == (1, 0, 0)
    page = browser.get(START).text
    assert f"{reverse('console:officers')}?role={Role.AUDITOR}" in page
    assert "One person only" in page
    RoleAssignment.objects.filter(pk=held.pk).update(valid_until=timezone.localdate() - timedelta(days=1))
    assert holders(browser)[Role.AUDITOR] == (0, 1, 0)
    assert holders(signed_in(company.ada)) == {}


def test_the_recertification_stands_there_open_and_between(company: cast.Company) -> None:
    ursula = officer("ursula", Role.USER_ADMINISTRATOR)
    browser = signed_in(ursula)
    assert browser.get(START).context["recertification"].next_at is not None

    campaign = recertification.open_now(actor=ursula)
    review = campaign.reviews.filter(person=company.ada).first()
    assert review is not None
    recertification.confirm(actor=ursula, review_id=review.pk)

    state = browser.get(START).context["recertification"]
    assert (state.answered, state.total) == (1, campaign.reviews.count())
    assert state.url in browser.get(START).text


def test_an_approver_reads_since_when_the_oldest_decision_waits_and_that_it_is_late(
    company: cast.Company,
) -> None:
    request = company.request_in("requested")
    browser = signed_in(company.paul)
    asked = AskedApprover.objects.get(request=request, approver=company.paul)
    page = browser.get(START)
    assert page.context["oldest"] == asked
    assert "means-stopped" not in page.text.partition("oldest decision")[2].partition("</p>")[0]

    AskedApprover.objects.filter(pk=asked.pk).update(reminded_at=timezone.now())
    assert "Late" in browser.get(START).text.partition("oldest decision")[2].partition("</p>")[0]
    cast.approved(company.paul, TokenRequest.objects.get(pk=request.pk))
    assert browser.get(START).context["oldest"] is None
