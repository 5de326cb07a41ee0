"""Step 1: who can be enabled, for what, by whom; and the reasons in words where not."""

import uuid

import pytest

from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    OutgoingMail,
    Person,
    PersonState,
    Role,
    RoleAssignment,
    TokenRequest,
)
from identity_manager.models.catalogue import token_type
from identity_manager.transactions.refusals import NotAllowed, NotPossible
from identity_manager.workflow import step1_enable, step1_request
from identity_manager.workflow.policy import eligibility
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def test_a_type_that_never_needs_approval_goes_straight_to_the_person(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.vpn)

    assert request.state == "awaiting_acceptance"
    assert request.approvals_needed == 0
    assert [mail.message for mail in OutgoingMail.objects.all()] == ["information"]


def test_a_type_that_always_needs_approval_waits_and_tells_the_approvers(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)

    assert (request.state, request.approvals_needed) == ("requested", 1)
    mails = OutgoingMail.objects.filter(message="approval_needed")
    assert {mail.to_address for mail in mails} == {"paul@example.com", "petra@example.com"}


def test_the_strictest_type_of_a_mixed_request_decides(company: Company) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)

    request = cast.enabled(company.ada, company.uma, company.vpn, company.signature, two)

    assert request.approvals_needed == 2
    assert request.tokens.count() == 3


@pytest.mark.parametrize("state", [PersonState.REGISTERED, PersonState.INACTIVE, PersonState.LOCKED])
def test_only_an_active_person_can_be_enabled(company: Company, state: str) -> None:
    eve = cast.person("eve", state=state)

    with pytest.raises(NotPossible) as refusal:
        cast.enabled(company.ada, eve, company.vpn)

    assert refusal.value.reason == eligibility.NOT_ACTIVE[PersonState(state)]
    assert not TokenRequest.objects.exists()
    assert not AuditEvent.objects.exists()


def test_no_e_mail_no_token(company: Company) -> None:
    eve = cast.person("eve", email="")

    with pytest.raises(NotPossible) as refusal:
        cast.enabled(company.ada, eve, company.vpn)

    assert refusal.value.reason == eligibility.NO_EMAIL


def test_nothing_checked_is_an_error_at_the_field(company: Company) -> None:
    with pytest.raises(NotPossible) as refusal:
        step1_enable.enable(actor=company.ada, person_id=company.uma.pk, type_ids=[])

    assert (refusal.value.reason, refusal.value.field) == (eligibility.NO_TYPE, "types")


def test_a_type_that_does_not_exist_is_refused(company: Company) -> None:
    with pytest.raises(NotPossible) as refusal:
        step1_enable.enable(actor=company.ada, person_id=company.uma.pk, type_ids=[uuid.uuid4()])

    assert refusal.value.reason == eligibility.UNKNOWN_TYPE


@pytest.mark.parametrize("name", ["paul", "rita", "uma", "sam"])
def test_only_an_administrator_enables(company: Company, name: str) -> None:
    with pytest.raises(NotAllowed) as refusal:
        cast.enabled(getattr(company, name), company.sam, company.vpn)

    assert refusal.value.reason == eligibility.NOT_ADMINISTRATOR


def test_a_role_limited_to_a_unit_ends_at_its_border(company: Company) -> None:
    abe = cast.person("abe", roles=())
    RoleAssignment.objects.create(person=abe, role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Süd")
    southerner = cast.person("sue", organisational_unit="Süd")

    assert cast.enabled(abe, southerner, company.vpn).state == "awaiting_acceptance"
    with pytest.raises(NotAllowed):
        cast.enabled(abe, company.uma, company.vpn)


def test_one_open_line_per_person_and_type(company: Company) -> None:
    cast.enabled(company.ada, company.uma, company.vpn)

    with pytest.raises(NotPossible) as refusal:
        cast.enabled(company.ada, company.uma, company.vpn)

    assert refusal.value.reason.code == eligibility.UNDER_WAY.code
    assert TokenRequest.objects.count() == 1


def test_who_holds_a_valid_one_is_told_so(company: Company) -> None:
    company.request_in("completed")

    with pytest.raises(NotPossible) as refusal:
        cast.enabled(company.ada, company.uma, company.vpn)

    assert refusal.value.reason.code == eligibility.HAS_ONE.code


def test_after_an_ended_request_one_can_ask_again(company: Company) -> None:
    company.request_in("declined")

    assert cast.enabled(company.ada, company.uma, company.vpn).state == "awaiting_acceptance"


def test_what_the_record_lacks_is_said_before_anything_is_asked(company: Company) -> None:
    eve = cast.person("eve", upn="")
    cast.profile("logon", subject_alt_names=[["upn", "{upn}"]])
    logon = cast.token_type("logon", profiles=("logon",))

    choice = next(each for each in eligibility.type_choices(eve) if each.token_type == logon)

    assert choice.reason is not None
    assert choice.reason.code == "lacks-fields"
    assert "user principal name" in str(choice.reason)


def test_who_enables_themselves_always_needs_an_approver(company: Company) -> None:
    request = cast.enabled(company.ada, company.ada, company.vpn)

    assert (request.state, request.approvals_needed) == ("requested", 1)


@pytest.mark.parametrize(
    ("approval", "expected"),
    [
        (ApprovalPolicy.NEVER, "awaiting_acceptance"),
        (ApprovalPolicy.SELF_REQUESTED, "requested"),
        (ApprovalPolicy.ALWAYS, "requested"),
    ],
)
def test_the_option_opens_the_same_request(company: Company, approval: str, expected: str) -> None:
    offered = cast.token_type("offered", approval=approval)

    request = cast.asked(company.uma, offered)

    assert (request.state, request.origin) == (expected, "self-service")
    assert request.requested_by == request.person == company.uma


def test_the_option_needs_the_role(company: Company) -> None:
    with pytest.raises(NotAllowed) as refusal:
        step1_request.request(actor=company.paul, type_ids=[company.vpn.pk])

    assert refusal.value.reason == eligibility.NOT_SELF_SERVICE_USER


def test_the_snapshot_says_what_will_be_issued(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.vpn)

    line = request.tokens.get().snapshot
    assert line["certificates"][0]["content"]["subject"][0] == ["commonName", "Uma Lindqvist"]
    assert line["delivery_address"] == "uma@example.com"
    assert line["terms"] == {"document": "terms", "version": 1}
    assert len(request.snapshot_hash) == 64


def test_the_person_is_fetched_fresh(company: Company) -> None:
    """The administrator's page is old: the person was deactivated since."""
    stale = Person.objects.get(pk=company.uma.pk)
    company.uma.deactivate()
    company.uma.save()

    with pytest.raises(NotPossible):
        cast.enabled(company.ada, stale, company.vpn)


def test_a_version_that_is_retired_while_types_are_read_is_asked_for_its_own_profiles(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = cast.person("eve", upn="")
    cast.profile("logon", subject_alt_names=[["upn", "{upn}"]])
    logon = cast.token_type("logon", profiles=("logon",))
    monkeypatch.setattr(token_type._OFFERED_LINKS, "rows", list)  # of what is in force a moment later

    choice = next(each for each in eligibility.type_choices(eve) if each.token_type == logon)

    assert choice.reason is not None
    assert choice.reason.code == "lacks-fields"
