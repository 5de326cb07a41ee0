"""Recertification on its pages: answered, refused with the reason, reported; stale and forged forms."""

import csv
import io
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from identity_manager.models import AuditEvent, Person, Recertification, Role, RoleAssignment, RoleReview
from identity_manager.people.officers import recertification
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in


@pytest.fixture
def ulf(company: cast.Company) -> Person:
    return officer("ulf", Role.USER_ADMINISTRATOR)


@pytest.fixture
def campaign(ulf: Person) -> Recertification:
    return recertification.open_now(actor=ulf)


def page(campaign: Recertification) -> str:
    return reverse("console:recertification", args=[campaign.pk])


def review(person: Person) -> RoleReview:
    return RoleReview.objects.get(person=person)


def test_it_is_opened_by_hand_confirmed_withdrawn_and_reported(company: cast.Company, ulf: Person) -> None:
    browser = signed_in(ulf)
    begun = browser.get(reverse("console:recertifications")).text
    assert "Open one now" in begun
    assert f'href="{reverse("console:officers")}" aria-current="page"' in begun
    opened = browser.post(reverse("console:recertification-open"), follow=True)
    assert "The recertification is open." in opened.text
    campaign = Recertification.objects.get()
    assert "Roles to be confirmed or withdrawn" in browser.get(reverse("console:approvals")).text

    told = browser.post(page(campaign), {"reviews": [review(company.ada).pk]}, follow=True).text
    assert "1 role is confirmed." in told
    leads = reverse("console:role-review-withdraw", args=[review(company.paul).pk])
    assert leads in told
    assert reverse("console:role-review-withdraw", args=[review(ulf).pk]) not in told
    done = browser.post(leads, follow=True).text
    assert "does not have the role Approver any more." in done
    assert not company.paul.roles.filter(role=Role.APPROVER).exists()

    officers = browser.get(reverse("console:officers")).text
    assert "Enables persons; cancels, retries, sends again" in officers
    assert officers.count("not yet") == RoleAssignment.objects.exclude(role="self-service-user").count() - 1


def test_the_report_as_a_file_and_to_print(
    company: cast.Company, ulf: Person, campaign: Recertification
) -> None:
    recertification.confirm(actor=ulf, review_id=review(company.ada).pk)
    browser = signed_in(officer("aud", Role.AUDITOR))
    response = browser.post(reverse("console:recertification-export", args=[campaign.pk]))
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
    found = {row["Name"]: (row["Outcome"], row["Answered by"]) for row in rows}
    assert found[company.ada.display_name] == ("Confirmed", str(ulf))
    assert found[company.paul.display_name] == ("Not answered yet", "")
    assert AuditEvent.objects.get(name="list.exported").facts["what"] == "recertification"
    printed = browser.get(reverse("console:recertification-print", args=[campaign.pk]))
    assert printed["Cache-Control"] == "no-store"
    assert str(ulf) in printed.text
    assert "UTC" in printed.text


def test_an_auditor_reads_and_answers_nothing(campaign: Recertification, company: cast.Company) -> None:
    browser = signed_in(officer("aud", Role.AUDITOR))
    shown = browser.get(page(campaign)).text
    assert "Confirm the ticked ones" not in shown
    assert browser.post(page(campaign), {"reviews": [review(company.ada).pk]}).status_code == 403
    leads = reverse("console:role-review-withdraw", args=[review(company.ada).pk])
    assert browser.post(leads).status_code == 403
    assert not RoleReview.objects.exclude(decision="").exists()


@pytest.mark.parametrize("sent", [[], ["x"], ["00000000-0000-0000-0000-000000000000"]])
def test_what_is_not_there_is_refused_with_a_sentence(
    campaign: Recertification, ulf: Person, sent: list[str]
) -> None:
    response = signed_in(ulf).post(page(campaign), {"reviews": sent})
    assert response.status_code == 422
    sentences = ("Tick at least one role.", "Somebody has answered this meanwhile", "valid UUID")
    assert any(sentence in response.text for sentence in sentences)


def test_one_s_own_role_is_not_confirmed_by_a_forged_form(campaign: Recertification, ulf: Person) -> None:
    browser = signed_in(ulf)
    assert browser.post(page(campaign), {"reviews": [review(ulf).pk]}).status_code == 422
    leads = reverse("console:role-review-withdraw", args=[review(ulf).pk])
    assert browser.post(leads).status_code == 403
    assert review(ulf).decision == ""


def test_a_stale_form_says_what_happened_meanwhile(
    campaign: Recertification, company: cast.Company, ulf: Person
) -> None:
    eva = officer("eva", Role.USER_ADMINISTRATOR)
    recertification.confirm(actor=eva, review_id=review(company.ada).pk)
    leads = reverse("console:role-review-withdraw", args=[review(company.ada).pk])
    response = signed_in(ulf).post(leads)
    assert response.status_code == 409
    assert "Somebody has answered this meanwhile" in response.text
    assert company.ada.roles.filter(role=Role.TOKEN_ADMINISTRATOR).exists()


def test_a_unit_s_user_administrator_sees_their_unit_alone(
    campaign: Recertification, company: cast.Company
) -> None:
    far = officer("far", Role.USER_ADMINISTRATOR, unit="Sued")
    text = signed_in(far).get(page(campaign)).text
    assert company.ada.display_name not in text
    assert "No role within your reach is in this state." in text


def test_when_it_is_over_nobody_answers(
    campaign: Recertification, ulf: Person, company: cast.Company
) -> None:
    with time_machine.travel(campaign.due_at + timedelta(minutes=1)):
        recertification.check()
        browser = signed_in(ulf)
        text = browser.get(page(campaign)).text
        assert "Confirm the ticked ones" not in text
        assert "Not answered; stays" in text
        assert browser.post(page(campaign), {"reviews": [review(company.ada).pk]}).status_code == 422


def test_states_filter_the_list(campaign: Recertification, ulf: Person, company: cast.Company) -> None:
    recertification.confirm(actor=ulf, review_id=review(company.ada).pk)
    browser = signed_in(ulf)
    confirmed = browser.get(page(campaign), {"state": "confirmed"}).text
    assert company.ada.display_name in confirmed
    assert company.paul.display_name not in confirmed
    assert browser.get(page(campaign), {"state": "x' OR 1=1"}).status_code == 200
    assert isinstance(browser, Client)
