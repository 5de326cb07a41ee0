"""Pages of deputies and approver groups, and what pages say of several approvals and of reminders."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import (
    Account,
    ApprovalPolicy,
    ApproverGroup,
    AuditEvent,
    Deputy,
    OutgoingMail,
    Person,
    Role,
    TokenRequest,
)
from identity_manager.models.people.role import today
from identity_manager.people.officers import approver_groups
from identity_manager.transactions.refusals import NotAllowed, Stale
from identity_manager.workflow.requests import reminders_by_hand
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
OF_TWO = "1 of 2 approved, by Paul Weber"


@pytest.fixture
def company() -> cast.Company:
    return cast.Company()


@pytest.fixture
def ursula() -> Person:
    return officer("ursula", Role.USER_ADMINISTRATOR)


def of_two(company: cast.Company) -> TokenRequest:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    return cast.approved(company.paul, cast.enabled(company.ada, company.uma, two))


def days(first: int, last: int) -> dict[str, str]:
    return {
        "valid_from": (today() + timedelta(days=first)).isoformat(),
        "valid_until": (today() + timedelta(days=last)).isoformat(),
    }


def test_a_deputy_is_assigned_shown_and_ended(company: cast.Company, ursula: Person) -> None:
    browser, dora = signed_in(ursula), cast.person("dora", roles=())
    page = reverse("console:person-deputies", args=[company.paul.pk])
    given = {"deputy": dora.personnel_number, "unit": "", **days(0, 9)}
    text = browser.post(page, given, follow=True).text
    assert "Dora Muster is deputy of Paul Weber." in text
    assert "as a deputy" in browser.get(reverse("console:person-roles", args=[dora.pk])).text
    assert "Paul Weber" in browser.get(reverse("console:person-deputies", args=[dora.pk])).text

    ending = reverse("console:person-deputy-end", args=[company.paul.pk, Deputy.objects.get().pk])
    assert "no more" in browser.post(ending, follow=True).text
    assert browser.post(ending).status_code == 409


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"deputy": ""}, "Enter a personnel number."),
        ({"deputy": "nobody"}, "No Active person has this personnel number."),
        ({"deputy": "P-paul"}, "A deputy is another person."),
        ({"deputy": "P-rita"}, "This does not go together with the role"),
        ({"unit": "Süd"}, "Select a valid choice"),
        ({"valid_until": ""}, "Enter the first and the last day."),
        ({"valid_until": "soon"}, "Enter a valid date."),
        ({"valid_until": "9999-12-31"}, "A deputy is assigned for a year at most."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_saved(
    company: cast.Company, ursula: Person, change: dict[str, str], words: str
) -> None:
    cast.person("dora", roles=())
    given = {"deputy": "P-dora", "unit": "", **days(0, 9)} | change
    answer = signed_in(ursula).post(reverse("console:person-deputies", args=[company.paul.pk]), given)
    assert answer.status_code in {403, 409, 422}
    assert words in answer.text
    assert not Deputy.objects.exists()


def test_whom_an_officer_must_not_know_no_field_tells_of(company: cast.Company) -> None:
    limited = officer("lena", Role.USER_ADMINISTRATOR, unit="Nord")
    cast.person("dora", roles=(), organisational_unit="Süd")
    given = {"deputy": "P-dora", "unit": "", **days(0, 9)}
    answer = signed_in(limited).post(reverse("console:person-deputies", args=[company.paul.pk]), given)
    assert "No Active person has this personnel number." in answer.text


def test_a_group_is_made_filled_emptied_and_deleted(company: cast.Company, ursula: Person) -> None:
    browser = signed_in(ursula)
    browser.post(reverse("console:approver-groups"), {"name": " PKI board "})
    group = ApproverGroup.objects.get(name="PKI board")
    assert "There is an approver group of this name." in (
        browser.post(reverse("console:approver-groups"), {"name": "pki board"}).text
    )
    page = reverse("console:approver-group", args=[group.pk])
    assert "Only who has the role Approver" in browser.post(page, {"person": "P-sam"}).text
    assert (
        "Paul Weber is a member of PKI board." in browser.post(page, {"person": "P-paul"}, follow=True).text
    )
    browser.post(reverse("console:approver-group-remove", args=[group.pk, company.paul.pk]))
    assert not group.members.exists()
    browser.post(reverse("console:approver-group-delete", args=[group.pk]))
    assert not ApproverGroup.objects.exists()
    changes = AuditEvent.objects.filter(name="approver-group.changed").order_by("pk")
    assert [event.facts["state"] for event in changes] == ["made", "added", "removed", "deleted"]


def test_pages_say_how_many_have_approved(company: cast.Company) -> None:
    request = of_two(company)
    ada, petra = signed_in(company.ada), signed_in(company.petra)
    assert OF_TWO in ada.get(reverse("console:request", args=[request.pk])).text
    assert OF_TWO in ada.get(reverse("console:requests")).text
    assert OF_TWO in petra.get(reverse("console:approvals")).text
    assert OF_TWO in petra.get(reverse("console:decisions")).text
    auditor = signed_in(officer("aude", Role.AUDITOR))
    evidence = auditor.post(reverse("console:request-evidence-print", args=[request.pk]))
    assert OF_TWO in evidence.text


def test_what_a_rule_says_stands_on_the_request(company: cast.Company, ursula: Person) -> None:
    group = approver_groups.make(actor=ursula, name="PKI board")
    approver_groups.add(actor=ursula, group_id=group.pk, person_id=company.petra.pk)
    narrow = cast.token_type(
        "narrow", approval=ApprovalPolicy.ALWAYS, approver_group=group, manager_approval="must"
    )
    request = cast.enabled(company.ada, company.uma, narrow)
    page = reverse("console:request", args=[request.pk])
    text = signed_in(company.paul).get(page).text
    assert "of the group PKI board" in text
    assert "The directory names no manager of this person." in text
    assert "The members of the group decide without them." in text
    assert "The token type says who approves this" in text
    assert "snapshot_hash" in signed_in(company.petra).get(page).text


def test_bulk_decisions_count_as_single_ones(company: cast.Company) -> None:
    request = of_two(company)
    ticked = {"requests": f"{request.pk}:{request.snapshot_hash}", "confirmed": "True"}
    again = signed_in(company.paul).post(reverse("console:decisions"), ticked, follow=True)
    assert "You have decided on this request." in again.text
    signed_in(company.petra).post(reverse("console:decisions"), ticked)
    request.refresh_from_db()
    assert request.state == "awaiting_acceptance"


def test_approvers_are_reminded_once_a_day_by_who_asked_or_an_administrator(company: cast.Company) -> None:
    request = of_two(company)
    page = reverse("console:request-remind-approvers", args=[request.pk])
    for stranger in (company.petra, company.rita, company.sam):
        with pytest.raises(NotAllowed):
            reminders_by_hand.remind_approvers(actor=stranger, request_id=request.pk)
    browser = signed_in(company.ada)
    assert "Remind the approvers" in browser.get(reverse("console:request", args=[request.pk])).text
    assert "The approvers are reminded by mail." in browser.post(page, follow=True).text
    told = OutgoingMail.objects.filter(message="approval_reminder")
    assert [mail.person for mail in told] == [company.petra]  # paul has decided
    with pytest.raises(Stale) as refusal:
        reminders_by_hand.remind_approvers(actor=company.ada, request_id=request.pk)
    assert refusal.value.reason == reminders_by_hand.APPROVERS_REMINDED_TODAY
    assert told.count() == 1
    assert AuditEvent.objects.filter(name="request.approvers-reminded").count() == 1
    cast.approved(company.petra, request)
    assert browser.post(page).status_code == 409


def test_a_person_reminds_the_approvers_of_what_they_asked_for(company: cast.Company) -> None:
    request = cast.asked(company.uma, company.signature)
    others = cast.enabled(company.ada, company.uma, cast.token_type("two", approval=ApprovalPolicy.ALWAYS))
    browser = Client()
    browser.force_login(Account.objects.create_account(username="uma", person=company.uma, password=None))
    text = browser.get(reverse("selfservice:requests")).text
    assert reverse("selfservice:remind-approvers", args=[request.pk]) in text
    assert reverse("selfservice:remind-approvers", args=[others.pk]) not in text
    for pk, words in ((request.pk, "reminded by mail"), (request.pk, "today"), (others.pk, "Only who asked")):
        answer = browser.post(reverse("selfservice:remind-approvers", args=[pk]), follow=True)
        assert words in answer.text
    assert OutgoingMail.objects.filter(message="approval_reminder").count() == 2  # paul and petra, once
