"""Step 2: four eyes, two approvers, stale forms."""

from datetime import datetime, timedelta

import pytest
import time_machine
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


def postponed(actor: Person, request: TokenRequest, *, days: float) -> datetime:
    until = timezone.now() + timedelta(days=days)
    step2_approve.postpone(
        actor=actor, request_id=request.pk, snapshot_hash=request.snapshot_hash, until=until
    )
    return until


def test_a_postponed_request_leaves_the_list_of_this_approver_alone(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    until = postponed(company.paul, request, days=2)
    rows, now = TokenRequest.objects.awaiting_decision(), timezone.now()

    assert rows.postponed_by(company.paul.pk, now).get() == request
    assert not rows.not_postponed_by(company.paul.pk, now).exists()
    assert rows.not_postponed_by(company.petra.pk, now).get() == request
    assert rows.not_postponed_by(company.paul.pk, until).get() == request, "it is back"


def test_who_has_postponed_it_decides_all_the_same_and_so_does_everybody_else(company: Company) -> None:
    first = cast.enabled(company.ada, company.uma, company.signature)
    second = cast.enabled(company.ada, company.sam, company.signature)
    for request in (first, second):
        postponed(company.paul, request, days=2)

    assert cast.approved(company.paul, first).state == "awaiting_acceptance"
    assert cast.approved(company.petra, second).state == "awaiting_acceptance"


def test_a_later_time_replaces_an_earlier_one(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    postponed(company.paul, request, days=2)

    until = postponed(company.paul, request, days=3)

    assert request.postponements.get().until == until


def test_nobody_postpones_on_and_on(company: Company) -> None:
    """The 90 days count from when it was asked for: each further postponement is within them."""
    request = cast.enabled(company.ada, company.uma, company.signature)
    with time_machine.travel(timezone.now() + timedelta(days=80), tick=False):
        postponed(company.paul, request, days=9)
        with pytest.raises(NotPossible) as refusal:
            postponed(company.paul, request, days=11)
    assert (refusal.value.reason.code, refusal.value.field) == ("after-the-deadline", "until")


def test_a_renewal_is_decided_before_the_old_token_ends(company: Company) -> None:
    old = company.request_in("completed").tokens.get()
    old.certificates.update(not_after=timezone.now() + timedelta(days=5))
    request = cast.enabled(company.ada, company.sam, company.signature)
    request.tokens.update(predecessor=old)

    postponed(company.paul, request, days=4)
    with pytest.raises(NotPossible) as refusal:
        postponed(company.paul, request, days=6)
    assert refusal.value.reason.code == "after-the-deadline"


def test_who_decides_nothing_postpones_nothing(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    for actor in (company.ada, company.uma):
        RoleAssignment.objects.create(person=actor, role=Role.APPROVER)
        with pytest.raises(NotAllowed):
            postponed(actor, request, days=1)
    with pytest.raises(Stale):
        step2_approve.postpone(
            actor=company.paul,
            request_id=request.pk,
            snapshot_hash="0" * 64,
            until=timezone.now() + timedelta(days=1),
        )
    assert not request.postponements.exists()
