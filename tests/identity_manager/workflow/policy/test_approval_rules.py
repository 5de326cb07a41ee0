"""Who of the Approvers approves: n of m, approver groups, the manager; and who plays two parts."""

import pytest
from django.utils import timezone

from identity_manager.console.open_tasks import page as open_tasks
from identity_manager.models import (
    Account,
    Approval,
    ApprovalPolicy,
    ApprovalRule,
    ApproverGroup,
    AuditEvent,
    OutgoingMail,
    Person,
    PersonState,
    Role,
    RoleAssignment,
    TokenRequest,
    TokenType,
)
from identity_manager.people.officers import approver_groups
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step2_approve
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.policy.approval_rules import decision_rights
from identity_manager.workflow.requests import approver_escalation, reminders
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def test_who_is_not_active_or_no_approver_has_no_right_to_decide(company: Company) -> None:
    unit = company.uma.organisational_unit
    assert [each.person_id for each in decision_rights(company.paul, unit)] == [company.paul.pk]
    assert decision_rights(company.ada, unit) == []
    away = cast.person("pia", roles=(Role.APPROVER,), state=PersonState.INACTIVE)
    assert decision_rights(away, unit) == []


def wanting(number: int, **fields: object) -> TokenType:
    return cast.token_type("strict", approval=ApprovalPolicy.ALWAYS, approvers_needed=number, **fields)


def group_of(*members: Person, name: str = "PKI board") -> ApproverGroup:
    ursula = cast.person(f"ursula-{len(name)}", roles=(Role.USER_ADMINISTRATOR,))
    group = approver_groups.make(actor=ursula, name=name)
    for each in members:
        approver_groups.add(actor=ursula, group_id=group.pk, person_id=each.pk)
    return group


def managed_by(person: Person, manager: Person, *, signs_in: bool = True) -> None:
    person.manager = manager
    person.save()
    if signs_in:
        Account.objects.create_account(username=manager.given_name, person=manager, password="x")


def decidable(actor: Person, request: TokenRequest) -> bool:
    """Whether the request is in the queue of the actor."""
    return open_tasks.awaiting_decision(actor, timezone.now()).filter(pk=request.pk).exists()


def refusal_of(actor: Person, request: TokenRequest) -> object:
    """Why the actor does not decide; the queue and the list of who decides say the same."""
    actor = Person.objects.get(pk=actor.pk)
    request = TokenRequest.objects.get(pk=request.pk)
    assert not decidable(actor, request)
    assert actor not in approvers.undecided_approvers(request)
    with pytest.raises(NotAllowed) as refusal:
        cast.approved(actor, request)
    return refusal.value.reason


def test_the_last_of_three_sends_it_on_and_each_is_named_in_the_log(company: Company) -> None:
    pia = cast.person("pia", roles=(Role.APPROVER,))
    request = cast.enabled(company.ada, company.uma, wanting(3))

    assert cast.approved(company.paul, request).state == "requested"
    assert refusal_of(company.paul, request) == approvers.DECIDED_ALREADY
    assert cast.approved(company.petra, request).state == "requested"
    assert cast.approved(pia, request).state == "awaiting_acceptance"

    said = AuditEvent.objects.filter(name="request.approved").order_by("pk")
    assert [event.actor for event in said] == [company.paul, company.petra, pia]
    assert [event.facts["counts"] for event in said] == [{"needed": 3, "missing": n} for n in (2, 1, 0)]
    assert {event.facts["snapshot"] for event in said} == {request.snapshot_hash}


def test_a_new_snapshot_voids_what_was_approved(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, wanting(2))
    cast.approved(company.paul, request)
    Person.objects.filter(pk=company.uma.pk).update(surname="Changed")
    with pytest.raises(Stale):
        cast.approved(company.petra, request)
    assert TokenRequest.objects.get().state == "requested"


def test_only_members_of_the_group_decide(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, wanting(1, approver_group=group_of(company.petra)))

    assert refusal_of(company.paul, request) == approvers.NOT_NAMED
    assert [row.approver for row in request.asked_approvers.all()] == [company.petra]
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_where_members_can_decide_nobody_else_is_told(company: Company) -> None:
    request = cast.enabled(
        company.ada, company.uma, wanting(1, approver_group=group_of(company.paul, company.petra))
    )
    assert approver_escalation.is_possible(request)
    assert not OutgoingMail.objects.filter(message="left_undecided").exists()


def test_a_member_without_the_role_decides_nothing(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, wanting(1, approver_group=group_of(company.petra)))
    RoleAssignment.objects.filter(person=company.petra).delete()
    assert refusal_of(company.petra, request) == approvers.NOT_APPROVER


def test_a_member_who_asked_does_not_decide_and_the_administrators_are_told(company: Company) -> None:
    RoleAssignment.objects.create(person=company.petra, role=Role.TOKEN_ADMINISTRATOR)
    request = cast.enabled(company.petra, company.uma, wanting(1, approver_group=group_of(company.petra)))
    assert refusal_of(company.petra, request) == approvers.OWN_REQUEST
    assert refusal_of(company.paul, request) == approvers.NOT_NAMED
    assert TokenRequest.objects.get().office_told_at is not None


def test_the_approval_of_a_former_member_counts_no_more(company: Company) -> None:
    group = group_of(company.petra, company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(2, approver_group=group))
    cast.approved(company.petra, request)
    ursula = Person.objects.get(given_name__startswith="Ursula")
    approver_groups.remove(actor=ursula, group_id=group.pk, person_id=company.petra.pk)
    assert cast.approved(company.paul, request).state == "requested"


def test_each_type_of_a_request_has_its_own_group(company: Company) -> None:
    one = wanting(1, approver_group=group_of(company.paul))
    two = cast.token_type(
        "other",
        approval=ApprovalPolicy.ALWAYS,
        approver_group=group_of(company.petra, name="Mail board"),
    )
    request = cast.enabled(company.ada, company.uma, one, two)
    assert {row.approver for row in request.asked_approvers.all()} == {company.paul, company.petra}
    assert cast.approved(company.paul, request).state == "requested"
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_what_is_left_when_a_type_is_taken_out_has_its_own_rules_alone(company: Company) -> None:
    one = wanting(1, approver_group=group_of(company.paul))
    request = cast.enabled(company.ada, company.uma, one, company.signature)
    line = request.tokens.get(type_code="strict")
    step2_approve.take_out(
        actor=company.petra,
        request_id=request.pk,
        snapshot_hash=request.snapshot_hash,
        lines=[line.pk],
        reason="no",
    )
    request.refresh_from_db()
    assert not request.has_approval_rules
    assert not ApprovalRule.objects.exists()
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_only_the_manager_decides_where_the_type_says_so(company: Company) -> None:
    managed_by(company.uma, company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(1, manager_approval="must"))
    assert refusal_of(company.petra, request) == approvers.NOT_NAMED
    assert cast.approved(company.paul, request).state == "awaiting_acceptance"


def test_a_manager_decides_for_their_own_reports_alone(company: Company) -> None:
    managed_by(company.uma, company.paul)
    managed_by(company.sam, company.petra)
    request = cast.enabled(company.ada, company.sam, wanting(1, manager_approval="must"))
    assert refusal_of(company.paul, request) == approvers.NOT_NAMED


def test_the_manager_is_one_of_two_and_others_cannot_do_without(company: Company) -> None:
    pia = cast.person("pia", roles=(Role.APPROVER,))
    managed_by(company.uma, company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(2, manager_approval="must"))
    cast.approved(company.petra, request)
    assert refusal_of(pia, request) == approvers.NOT_NAMED
    assert cast.approved(company.paul, request).state == "awaiting_acceptance"


def test_the_manager_may_approve_beside_the_group(company: Company) -> None:
    managed_by(company.uma, company.paul)
    group = group_of(company.petra)
    request = cast.enabled(company.ada, company.uma, wanting(1, manager_approval="may", approver_group=group))
    assert cast.approved(company.paul, request).state == "awaiting_acceptance"


@pytest.mark.parametrize("why", ["unknown", "no-approver", "no-sign-in", "asked", "vouched"])
def test_a_manager_who_cannot_decide_is_passed_over(company: Company, why: str) -> None:
    if why != "unknown":
        managed_by(company.uma, company.paul, signs_in=why != "no-sign-in")
    if why == "no-approver":
        RoleAssignment.objects.filter(person=company.paul).delete()
    if why == "vouched":
        Person.objects.filter(pk=company.uma.pk).update(entered_by=company.paul)
    asker = company.ada
    if why == "asked":
        RoleAssignment.objects.create(person=company.paul, role=Role.TOKEN_ADMINISTRATOR)
        asker = company.paul
    company.uma.refresh_from_db()
    request = cast.enabled(asker, company.uma, wanting(1, manager_approval="must"))

    assert ApprovalRule.objects.get().manager_obstacle == why
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_a_manager_who_leaves_meanwhile_is_passed_over_at_once(company: Company) -> None:
    managed_by(company.uma, company.paul)
    request = cast.enabled(company.ada, company.uma, wanting(1, manager_approval="must"))
    assert refusal_of(company.petra, request) == approvers.NOT_NAMED
    Person.objects.filter(pk=company.paul.pk).update(state=PersonState.INACTIVE)

    assert reminders.escalate_undecided(request_id=request.pk)
    assert AuditEvent.objects.filter(name="request.manager-passed-over").count() == 1
    assert decidable(company.petra, request)
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_the_common_road_writes_no_rule(company: Company) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    assert not request.has_approval_rules
    assert not ApprovalRule.objects.exists()
    cast.approved(company.paul, request)
    assert Approval.objects.get().deputyship is None


def test_who_keeps_groups_keeps_out_of_them(company: Company) -> None:
    group = group_of()
    ursula = cast.person("ulla", roles=(Role.USER_ADMINISTRATOR, Role.APPROVER))
    with pytest.raises(NotAllowed):
        approver_groups.add(actor=ursula, group_id=group.pk, person_id=ursula.pk)
    with pytest.raises(NotAllowed):
        approver_groups.add(actor=company.ada, group_id=group.pk, person_id=company.paul.pk)
    with pytest.raises(NotPossible):
        approver_groups.add(actor=ursula, group_id=group.pk, person_id=company.sam.pk)
    limited = cast.person("lena", roles=())
    RoleAssignment.objects.create(person=limited, role=Role.USER_ADMINISTRATOR, organisational_unit="Nord")
    with pytest.raises(NotAllowed):
        approver_groups.add(actor=limited, group_id=group.pk, person_id=company.paul.pk)


def test_a_group_that_a_type_names_is_not_deleted(company: Company) -> None:
    group = group_of(company.paul)
    wanting(1, approver_group=group)
    ursula = Person.objects.get(given_name__startswith="Ursula")
    with pytest.raises(NotPossible) as refusal:
        approver_groups.discard(actor=ursula, group_id=group.pk)
    assert refusal.value.reason == approver_groups.IS_NAMED
