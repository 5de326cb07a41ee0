"""Step 2: four eyes, two approvers, stale forms."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from identity_manager.models import Approval, ApprovalPolicy, OutgoingMail, Person, Role, RoleAssignment
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step2_approve
from identity_manager.workflow.policy import approvers, eligibility
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def test_the_requester_and_the_beneficiary_do_not_decide(company: Company) -> None:
    for each in (company.ada, company.uma):
        RoleAssignment.objects.create(person=each, role=Role.APPROVER)
    request = cast.enabled(company.ada, company.uma, company.signature)

    for actor, reason in ((company.ada, approvers.OWN_REQUEST), (company.uma, approvers.OWN_TOKEN)):
        with pytest.raises(NotAllowed) as refusal:
            cast.approved(actor, request)
        assert refusal.value.reason == reason
    assert not Approval.objects.exists()


def test_only_approvers_of_the_unit_decide(company: Company) -> None:
    ann = cast.person("ann", roles=())
    RoleAssignment.objects.create(person=ann, role=Role.APPROVER, organisational_unit="Süd")
    request = cast.enabled(company.ada, company.uma, company.signature)

    with pytest.raises(NotAllowed):
        cast.approved(ann, request)
    assert ann not in approvers.approvers(request)


def test_an_approver_without_an_address_is_not_mailed(company: Company) -> None:
    Person.objects.filter(pk=company.petra.pk).update(email="")

    cast.enabled(company.ada, company.uma, company.signature)

    states = {mail.person.given_name: mail.state for mail in OutgoingMail.objects.all()}
    assert states == {"Paul": "queued", "Petra": "discarded"}


def test_two_approvers_are_two_persons(company: Company) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = cast.enabled(company.ada, company.uma, two)

    assert cast.approved(company.paul, request).state == "requested"
    with pytest.raises(NotAllowed) as refusal:
        cast.approved(company.paul, request)
    assert refusal.value.reason == approvers.DECIDED_ALREADY
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_the_database_holds_one_decision_per_approver(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    Approval.objects.create(request=request, approver=company.paul, decision="approved")

    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(request=request, approver=company.paul, decision="rejected")


def test_a_form_with_another_snapshot_is_stale(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)

    with pytest.raises(Stale) as refusal:
        step2_approve.approve(actor=company.paul, request_id=request.pk, snapshot_hash="0" * 64)

    assert refusal.value.reason == eligibility.ANOTHER_SNAPSHOT


@pytest.mark.parametrize("field", ["display_name", "email", "upn", "sid", "department"])
def test_a_person_who_has_changed_is_not_approved(company: Company, field: str) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    Person.objects.filter(pk=company.uma.pk).update(**{field: "S-1-5-21-9-9-9-9"})

    with pytest.raises(Stale) as refusal:
        cast.approved(company.paul, request)

    assert refusal.value.reason == step2_approve.PERSON_CHANGED


def test_a_person_who_is_not_active_any_more_is_not_approved(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    company.uma.deactivate()
    company.uma.save()

    with pytest.raises(NotPossible):
        cast.approved(company.paul, request)


def test_an_approver_who_is_not_active_any_more_does_not_decide(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    company.paul.deactivate()
    company.paul.save()

    with pytest.raises(NotAllowed):
        cast.approved(company.paul, request)


def test_a_rejection_needs_a_reason_and_tells_the_requester(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)

    with pytest.raises(NotPossible) as refusal:
        step2_approve.reject(
            actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash, reason="  "
        )
    assert refusal.value.field == "reason"

    step2_approve.reject(
        actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash, reason="no need"
    )
    mail = OutgoingMail.objects.get(message="rejected")
    assert mail.to_address == "ada@example.com"
    assert "no need" in mail.body_text
    assert TokenRequest.objects.get().reason == "no need"


@pytest.mark.database
def test_the_token_keeps_as_much_of_a_long_reason_as_its_column_holds(company: Company) -> None:
    request = company.request_in("requested")
    step2_approve.reject(
        actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash, reason="x" * 400
    )
    token = request.tokens.get()
    assert token.reason == "x" * 300
    assert token._meta.get_field("reason").max_length == 300


def test_an_approval_tells_the_requester_and_invites_the_person(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)

    cast.approved(company.paul, request)

    sent = {
        (mail.message, mail.to_address) for mail in OutgoingMail.objects.exclude(message="approval_needed")
    }
    assert sent == {("approved", "ada@example.com"), ("information", "uma@example.com")}


@pytest.mark.parametrize("days", [-1, 0, 91])
def test_a_postponement_ends_within_ninety_days(company: Company, days: int) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)

    with pytest.raises(NotPossible) as refusal:
        step2_approve.postpone(
            actor=company.paul,
            request_id=request.pk,
            snapshot_hash=request.snapshot_hash,
            until=timezone.now() + timedelta(days=days),
        )
    assert refusal.value.field == "until"


def test_a_postponed_request_comes_back(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    now = timezone.now()
    step2_approve.postpone(
        actor=company.paul,
        request_id=request.pk,
        snapshot_hash=request.snapshot_hash,
        until=now + timedelta(days=2),
    )

    assert not TokenRequest.objects.awaiting_decision(now).exists()
    assert TokenRequest.objects.awaiting_decision(now + timedelta(days=3)).get() == request
