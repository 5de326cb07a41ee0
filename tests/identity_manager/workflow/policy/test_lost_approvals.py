"""An approval counts only while who gave it could give it: what becomes of a request where it does not."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from identity_manager.audit import Event
from identity_manager.console.access import audit as audit_access
from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    SignInCode,
    TokenRequest,
)
from identity_manager.people.officers import roles
from identity_manager.transactions.refusals import Stale
from identity_manager.workflow import step4_accept
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.requests import approver_escalation, reminders, suspension
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


def withdrawn(approver: Person) -> None:
    ulf = cast.person("ulf", roles=(Role.USER_ADMINISTRATOR,), sid="")
    roles.withdraw(actor=ulf, person_id=approver.pk, role=Role.APPROVER)


def ended(approver: Person) -> None:
    RoleAssignment.objects.filter(person=approver).update(valid_until="2020-01-01")


def limited_to_another_unit(approver: Person) -> None:
    RoleAssignment.objects.filter(person=approver).update(organisational_unit="Elsewhere")


def on_leave(approver: Person) -> None:
    leave_and_return.take_over_state(
        person_id=approver.pk,
        state="inactive",  # type: ignore[arg-type]  # a state's value
        actor=None,
    )


def makes_a_code(approver: Person) -> None:
    uma = Person.objects.get(personnel_number="P-uma")
    SignInCode.objects.create(
        person=uma, asked_by=approver, needs_confirmation=False, used_at="2027-01-01T00:00:00Z"
    )


WAYS: dict[str, Callable[[Person], None]] = {
    "withdrawn": withdrawn,
    "ended": ended,
    "limited to another unit": limited_to_another_unit,
    "on leave": on_leave,
    "made a sign-in code": makes_a_code,
}
WAY = pytest.mark.parametrize("way", WAYS)


def fresh(request: TokenRequest) -> TokenRequest:
    return TokenRequest.objects.get(pk=request.pk)


def approved(company: Company) -> TokenRequest:
    """Approved by paul; the person is asked to accept."""
    request = cast.enabled(company.ada, company.uma, company.signature)
    cast.approved(company.paul, request)
    assert fresh(request).state == "awaiting_acceptance"
    return fresh(request)


@WAY
def test_between_two_approvals_the_first_counts_no_more(way: str, company: Company) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = cast.enabled(company.ada, company.uma, two)
    cast.approved(company.paul, request)
    WAYS[way](company.paul)
    cast.approved(company.petra, fresh(request))
    request = fresh(request)
    assert (request.state, approver_escalation.still_needed(request)) == ("requested", 1)
    third = cast.person("pia", roles=(Role.APPROVER,), sid="")
    reminders.escalate_undecided(request_id=request.pk)
    assert third in [row.approver for row in approver_escalation.asked_approvers(request)]
    cast.approved(third, request)
    assert fresh(request).state == "awaiting_acceptance"


@WAY
def test_before_the_person_accepts_it_goes_back_to_another_approver(way: str, company: Company) -> None:
    request = approved(company)
    WAYS[way](company.paul)
    with pytest.raises(Stale) as refused:
        cast.accepted(request)
    assert refused.value.reason == step4_accept.APPROVAL_LOST
    request = fresh(request)
    assert (request.state, request.accept_before, request.decided_at) == ("requested", None, None)
    assert not request.acceptances.exists()
    assert AuditEvent.objects.filter(name=Event.REQUEST_APPROVAL_LOST.value, request=request).count() == 1
    assert OutgoingMail.objects.filter(message="approval_needed", person=company.petra).exists()

    cast.approved(company.petra, request)
    assert OutgoingMail.objects.filter(message="information", request=request).count() == 2
    assert cast.accepted(fresh(request)).state == "issuing"


def test_an_approval_whose_giver_has_the_role_again_counts_again(company: Company) -> None:
    request = approved(company)
    held = RoleAssignment.objects.get(person=company.paul)
    held.delete()
    with pytest.raises(Stale):
        cast.accepted(request)
    RoleAssignment.objects.create(person=company.paul, role=Role.APPROVER)
    suspension.check_all()
    assert fresh(request).state == "awaiting_acceptance"


def test_without_any_approver_left_the_office_is_told(company: Company) -> None:
    request = approved(company)
    RoleAssignment.objects.filter(role=Role.APPROVER).delete()
    with pytest.raises(Stale):
        cast.accepted(request)
    assert fresh(request).office_told_at is not None
    assert OutgoingMail.objects.filter(message="left_undecided", person=company.ada).exists()


def test_a_request_that_needs_no_approval_loses_none(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    RoleAssignment.objects.filter(role=Role.APPROVER).delete()
    assert cast.accepted(request).state == "issuing"


def test_the_pages_say_it(company: Company) -> None:
    request = approved(company)
    withdrawn(company.paul)
    with pytest.raises(Stale):
        cast.accepted(request)
    text = signed_in(company.ada).get(reverse("console:request", args=[request.pk])).text
    assert "Who approved could not approve any more: another approver was asked" in text
    assert "1 is missing" in text


# --- What a User Administrator reads ---------------------------------------------------------------
def test_a_user_administrators_history_of_a_person_tells_of_roles_alone(company: Company) -> None:
    ulf = officer("ulf", Role.USER_ADMINISTRATOR, sid="")
    roles.assign(actor=ulf, person_id=company.uma.pk, role=Role.RECOVERY_OFFICER)
    cast.enabled(company.ada, company.uma, company.vpn)
    person_page = reverse("console:person", args=[company.uma.pk])
    requested = "The person was asked to accept the terms"
    text = signed_in(ulf).get(person_page).text
    assert "Recovery Officer" in text
    assert requested not in text
    assert requested in signed_in(company.ada).get(person_page).text
    about_uma = audit_access.visible_events(ulf).filter(person=company.uma)
    assert set(about_uma.values_list("name", flat=True)) == {Event.ROLE_ASSIGNED.value}
    of_ada = audit_access.visible_events(company.ada).filter(person=company.uma)
    assert Event.REQUEST_INVITED.value in set(of_ada.values_list("name", flat=True))
