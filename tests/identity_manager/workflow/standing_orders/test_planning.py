"""Standing orders: who joins has a request within one plan, who leaves loses the token by the rule."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import (
    Certificate,
    DirectoryGroup,
    DirectoryRun,
    LossRule,
    MemberStep,
    OutgoingMail,
    Person,
    PersonKind,
    RenewalNotice,
    RenewalPolicy,
    ReplacementCause,
    RequestOrigin,
    RequestState,
    Role,
    RoleAssignment,
    RunMode,
    SoftwareToken,
    StandingBasis,
    StandingMember,
    StandingOrder,
    TokenRequest,
    TokenType,
)
from identity_manager.models.standing_orders.member import lost_by_order
from identity_manager.models.standing_orders.order import StandingState
from identity_manager.people.api_access import api_clients
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow import step1_renew, step1_replace, step2_approve
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.renewal import expiry_check
from identity_manager.workflow.replacement import policy as replacement_policy
from identity_manager.workflow.revocation import hold
from identity_manager.workflow.standing_orders import breaker, orders, outcomes, planning
from tests.identity_manager.workflow.batch.orders import lines, with_token, work
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools import cast, directory
from tests.tools.cast import Company

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]


def requests_of(person: Person) -> list[str]:
    return list(TokenRequest.objects.filter(person=person).values_list("state", flat=True))


def holds(person: Person) -> list[str]:
    tokens = SoftwareToken.objects.filter(person=person, is_open=False)
    return list(tokens.order_by("pk").values_list("state", flat=True))


def plan(order: StandingOrder) -> None:
    """One plan; the batch orders that it places wait."""
    StandingOrder.objects.filter(pk=order.pk).update(next_attempt_at=timezone.now())
    planning.run(order_id=order.pk)


def test_joiners_get_a_request_once_and_who_has_the_token_gets_none(company: Company) -> None:
    with_token(company, company.sam)
    group = standing.group("grp-vpn", company.uma, company.sam)

    order = standing.made(company.ada, group)
    figures = {name: order.figures[name] for name in ("gain", "has", "lose", "members")}
    assert (order.state, figures) == ("waiting", {"gain": 1, "has": 1, "lose": 0, "members": 2})
    assert not requests_of(company.uma)

    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))
    order = standing.planned(order)
    for _again in range(2):
        standing.planned(order)

    assert (order.state, standing.placed(order)) == ("in_force", [("enable", 1)])
    assert requests_of(company.uma) == ["awaiting_acceptance"]
    assert len(requests_of(company.sam)) == 1
    assert standing.batches(order)[0].cause == "standing order: VPN for all"
    assert order.next_attempt_at is not None
    joined = cast.person("jo", sid="")
    standing.joins(group, joined)
    standing.planned(order)
    assert requests_of(joined) == ["awaiting_acceptance"]


def test_who_leaves_loses_the_token_and_what_was_asked_for(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam, company.paul)
    with_token(company, company.sam)
    order = standing.in_force(company.ada, group)

    standing.leaves(group, company.uma, company.sam)
    standing.planned(order)

    assert holds(company.sam) == ["revoked"]
    assert requests_of(company.uma) == ["cancelled"]
    assert requests_of(company.paul) == ["awaiting_acceptance"]
    assert sorted(standing.placed(order)) == [("cancel", 1), ("enable", 2), ("revoke", 1)]
    standing.planned(order)
    assert len(standing.batches(order)) == 3


def test_who_has_the_token_by_now_loses_it_and_no_request(company: Company) -> None:
    """The request by which the order had asked is over, and is not cancelled beside the token."""
    group = standing.group("grp-vpn", company.uma, company.paul)
    order = standing.in_force(company.ada, group)
    request = TokenRequest.objects.get(person=company.uma)
    cast.noted(cast.delivered(cast.issued(cast.accepted(request))).tokens.get())
    standing.leaves(group, company.uma)
    standing.planned(order)
    assert sorted(standing.placed(order)) == [("enable", 2), ("revoke", 1)]


@pytest.mark.parametrize(
    ("rule", "away", "back"), [(LossRule.HOLD, "on_hold", "active"), (LossRule.RUN_OUT, "active", "active")]
)
def test_hold_and_run_out(company: Company, rule: LossRule, away: str, back: str) -> None:
    """Who comes back has the token reinstated that the order put on hold, and no second one."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    with_token(company, company.uma)
    order = standing.in_force(company.ada, group, loss_rule=rule)

    standing.leaves(group, company.uma)
    standing.planned(order)
    assert holds(company.uma) == [away]
    standing.joins(group, company.uma)
    for _again in range(2):
        standing.planned(order)

    assert holds(company.uma) == [back]
    kinds = [kind for kind, _number in standing.placed(order)]
    assert kinds.count("reinstate") == (1 if rule == LossRule.HOLD else 0)
    before, now = StandingMember.objects.filter(person=company.uma).order_by("pk")
    assert (before.episode, now.episode) == (1, 2)
    assert (now.gain is not None) == (rule == LossRule.HOLD)


def runs_out(token: SoftwareToken) -> bool:
    return SoftwareToken.objects.filter(lost_by_order(), pk=token.pk).exists()


@pytest.mark.parametrize("policy", RenewalPolicy)
def test_what_runs_out_is_renewed_by_administrators_alone(company: Company, policy: RenewalPolicy) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam)
    token, of_sam = (with_token(company, person) for person in (company.uma, company.sam))
    TokenType.objects.filter(code=token.type_code).update(renewal_policy=policy)
    order = standing.in_force(company.ada, group, loss_rule=LossRule.RUN_OUT)
    now, soon = timezone.now(), timezone.now() + timedelta(days=3)
    token.certificates.update(not_after=soon)
    for each in (token, of_sam):
        RenewalNotice.objects.create(token=each, person=each.person, ends_at=soon, created_at=now)
    standing.leaves(group, company.uma)
    standing.planned(order)
    mails = OutgoingMail.objects.count()

    with pytest.raises(NotPossible) as refused:
        step1_renew.renew(actor=company.uma, token_id=token.pk)
    expiry_check.check([token.pk])

    assert refused.value.reason == eligibility.LEFT_ORDER
    assert not step1_renew.start_by_itself([token], origin=RequestOrigin.EXPIRY_CHECK)
    assert (OutgoingMail.objects.count(), token.renewals.count()) == (mails, 0)
    assert [notice.person for notice in RenewalNotice.objects.all()] == [company.sam]
    (kept,) = replacement_policy.outlook(company.uma, [token], own=True)
    assert kept.choice is not None
    assert kept.choice.reason == eligibility.LEFT_ORDER
    assert step1_renew.renew_for(actor=company.ada, token_id=token.pk).state == "awaiting_acceptance"


def test_what_ran_out_goes_on_with_the_membership(company: Company) -> None:
    """And so does a token that was asked for by hand since."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    token = with_token(company, company.uma)
    order = standing.in_force(company.ada, group, loss_rule=LossRule.RUN_OUT)
    assert not runs_out(token)
    for change, left in ((standing.leaves, True), (standing.joins, False), (standing.leaves, True)):
        change(group, company.uma)
        standing.planned(order)
        assert runs_out(token) == left
    SoftwareToken.objects.filter(pk=token.pk).update(created_at=timezone.now())
    assert not runs_out(token)


@pytest.mark.parametrize("rule", LossRule)
def test_a_renewal_that_waits_ends_with_the_membership(company: Company, rule: LossRule) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam)
    token = with_token(company, company.uma)
    order = standing.in_force(company.ada, group, loss_rule=rule)
    token.certificates.update(not_after=timezone.now() + timedelta(days=20))
    renewal = step1_renew.renew(actor=company.uma, token_id=token.pk)
    standing.leaves(group, company.uma)
    standing.planned(order)
    assert TokenRequest.objects.get(pk=renewal.pk).state == "cancelled"


def test_a_replacement_that_waits_ends_with_the_membership_too(company: Company) -> None:
    """The token that it replaces is revoked already, so nothing else says that the person had the type."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    with_token(company, company.uma)
    order = standing.in_force(company.ada, group)
    lost = step1_replace.ReplacementOrder(ReplacementCause.LOST)
    replacement = step1_replace.replace(actor=company.uma, order=lost).request
    assert replacement is not None
    standing.leaves(group, company.uma)
    standing.planned(order)
    assert TokenRequest.objects.get(pk=replacement.pk).state == "cancelled"


@pytest.mark.parametrize(("rule", "away"), [(LossRule.REVOKE, "revoked"), (LossRule.HOLD, "on_hold")])
def test_what_was_renewed_together_with_another_type_is_taken_when_it_comes(
    company: Company, rule: LossRule, away: str
) -> None:
    """The request goes on for the other type; who reinstates the token decides that it stays."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    with_token(company, company.uma)
    other = cast.token_type("mail")
    cast.noted(
        cast.delivered(cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, other)))).tokens.get()
    )
    order = standing.in_force(company.ada, group, loss_rule=rule)
    Certificate.objects.update(not_after=timezone.now() + timedelta(days=20))
    renewal = cast.enabled(company.ada, company.uma, company.vpn, other)
    standing.leaves(group, company.uma)
    standing.planned(order)
    assert TokenRequest.objects.get(pk=renewal.pk).state == "awaiting_acceptance"

    cast.issued(cast.accepted(renewal))
    standing.planned(order)

    states = dict(renewal.tokens.values_list("type_code", "state"))
    assert states == {"vpn": away, "mail": "sealed"}
    if rule == LossRule.HOLD:
        hold.reinstate(actor=company.ada, token_id=renewal.tokens.get(type_code="vpn").pk)
    placed = standing.placed(order)
    standing.planned(order)
    assert standing.placed(order) == placed


@pytest.mark.parametrize("rule", [LossRule.REVOKE, LossRule.HOLD])
def test_who_comes_back_before_the_order_is_carried_out_loses_nothing(
    company: Company, rule: LossRule
) -> None:
    """As when it waits for a second officer."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    with_token(company, company.uma)
    order = standing.in_force(company.ada, group, loss_rule=rule)
    for change in (standing.leaves, standing.joins):
        change(group, company.uma)
        plan(order)
    loss = standing.batches(order)[-1]
    while work(loss):
        pass
    assert holds(company.uma) == ["active"]
    assert [(outcome, codes) for _number, outcome, codes in lines(loss)] == [("skipped", ["member-again"])]


@pytest.mark.parametrize("rule", [LossRule.REVOKE, LossRule.HOLD])
@pytest.mark.parametrize("verb", ["renew", "replace"])
def test_a_leaver_gets_no_other_token_meanwhile(company: Company, rule: LossRule, verb: str) -> None:
    """While the order that takes it waits, or after it was put on hold."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    token = with_token(company, company.uma)
    order = standing.in_force(company.ada, group, loss_rule=rule)
    token.certificates.update(not_after=timezone.now() + timedelta(days=20))
    standing.leaves(group, company.uma)
    if rule == LossRule.HOLD and verb == "replace":
        standing.planned(order)
    else:
        plan(order)

    if verb == "renew":
        with pytest.raises(NotPossible):
            step1_renew.renew(actor=company.uma, token_id=token.pk)
    else:
        lost = step1_replace.ReplacementOrder(ReplacementCause.LOST)
        assert step1_replace.replace(actor=company.uma, order=lost).request is None
    assert not step1_renew.start_by_itself([token], origin=RequestOrigin.EXPIRY_CHECK)


def test_what_was_issued_before_its_request_could_be_cancelled_is_taken(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam)
    order = standing.in_force(company.ada, group)
    accepted = cast.accepted(TokenRequest.objects.get(person=company.uma))
    standing.leaves(group, company.uma)
    plan(order)
    cast.issued(accepted)
    standing.planned(order)
    assert holds(company.uma) == ["revoked"]


def test_what_was_asked_for_by_hand_stays_when_it_comes_after_the_end(company: Company) -> None:
    """It was accepted before, so that no cancellation meets it; the order has placed a request of another."""
    by_hand = cast.accepted(cast.enabled(company.ada, company.uma))
    group = standing.group("grp-vpn", company.uma, company.sam)
    order = standing.in_force(company.ada, group)
    assert requests_of(company.sam) == ["awaiting_acceptance"]
    standing.leaves(group, company.uma)
    plan(order)
    cast.issued(by_hand)
    standing.planned(order)
    assert by_hand.tokens.get().state == "sealed"


def test_who_comes_back_and_leaves_again_loses_what_was_asked_for(company: Company) -> None:
    """The first cancellation was skipped, since they were a member again."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    order = standing.in_force(company.ada, group)
    standing.leaves(group, company.uma)
    plan(order)
    standing.joins(group, company.uma)
    standing.planned(order)
    assert requests_of(company.uma) == ["awaiting_acceptance"]

    standing.leaves(group, company.uma)
    standing.planned(order)
    assert requests_of(company.uma) == ["cancelled"]


@pytest.mark.parametrize("end", ["the person leaves", "the order ends"])
def test_another_order_decides_on_what_came_while_it_had_the_person(company: Company, end: str) -> None:
    first, second = standing.group("one", company.uma, company.sam), standing.group("two", company.sam)
    token, other = with_token(company, company.uma), cast.token_type("mail")
    order = standing.in_force(company.ada, first)
    running_out = standing.in_force(company.ada, second, name="Other", loss_rule=LossRule.RUN_OUT)
    token.certificates.update(not_after=timezone.now() + timedelta(days=20))
    renewal = cast.enabled(company.ada, company.uma, company.vpn, other)
    standing.leaves(first, company.uma)
    standing.planned(order)
    standing.joins(second, company.uma)
    standing.planned(running_out)
    cast.issued(cast.accepted(renewal))

    if end == "the person leaves":
        standing.leaves(second, company.uma)
        standing.planned(running_out)
    else:
        orders.end(actor=company.ada, order_id=running_out.pk)
    standing.planned(order)
    assert renewal.tokens.get(type_code="vpn").state == "sealed"


@pytest.mark.parametrize("before", ["within the order's next plan", "before another return"])
def test_a_hold_of_an_officer_stays(company: Company, before: str) -> None:
    """Of a token that the order held once, and that was reinstated meanwhile."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    with_token(company, company.uma)
    order = standing.in_force(company.ada, group, loss_rule=LossRule.HOLD)
    token = SoftwareToken.objects.get(person=company.uma)
    standing.leaves(group, company.uma)
    standing.planned(order)
    if before == "within the order's next plan":
        hold.reinstate(actor=company.ada, token_id=token.pk)
    standing.joins(group, company.uma)
    standing.planned(order)
    assert holds(company.uma) == ["active"]

    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="the laptop may be compromised")
    standing.planned(order)
    if before == "before another return":
        standing.leaves(group, company.uma)
        standing.planned(order)
        standing.joins(group, company.uma)
        standing.planned(order)
    assert holds(company.uma) == ["on_hold"]


def test_another_order_for_the_type_keeps_the_token(company: Company) -> None:
    with_token(company, company.uma)
    first, second = standing.group("one", company.uma, company.sam), standing.group("two", company.uma)
    order = standing.in_force(company.ada, first)
    other = standing.in_force(company.ada, second, name="Other")

    standing.leaves(first, company.uma)
    standing.planned(order)
    assert holds(company.uma) == ["active"]

    orders.end(actor=company.ada, order_id=other.pk)
    assert holds(company.uma) == ["active"]


@pytest.mark.parametrize("has", ["a token", "a request"])
def test_who_moves_to_the_group_of_another_order_keeps_what_they_have(company: Company, has: str) -> None:
    """Also where the order of the group that they left plans first."""
    if has == "a token":
        with_token(company, company.uma)
    first, second = standing.group("one", company.uma, company.sam), standing.group("two", company.sam)
    order = standing.in_force(company.ada, first)
    other = standing.in_force(company.ada, second, name="Other")
    before = requests_of(company.uma)

    standing.leaves(first, company.uma)
    standing.joins(second, company.uma)
    for each in (order, other):
        standing.planned(each)
    assert (requests_of(company.uma), len(before)) == (before, 1)
    assert holds(company.uma) == (["active"] if has == "a token" else [])

    standing.leaves(second, company.uma)
    standing.planned(other)
    standing.planned(order)
    assert holds(company.uma) == ["revoked" if has == "a token" else "cancelled"]
    assert requests_of(company.uma) == (before if has == "a token" else ["cancelled"])


@pytest.mark.parametrize("state", ["checking", "waiting"])
def test_another_order_that_was_stopped_and_is_to_go_on_keeps_it(company: Company, state: str) -> None:
    with_token(company, company.uma)
    first, second = standing.group("one", company.uma, company.sam), standing.group("two", company.uma)
    order = standing.in_force(company.ada, first)
    other = standing.in_force(company.ada, second, name="Other")
    type(other).objects.filter(pk=other.pk).update(state=state)

    standing.leaves(first, company.uma)
    standing.planned(order)
    assert holds(company.uma) == ["active"]


def test_who_was_rejected_or_had_it_revoked_is_not_asked_again(company: Company) -> None:
    group = standing.group("grp", company.uma)
    order = standing.in_force(company.ada, group, type_code="signature", name="Signature")
    request = TokenRequest.objects.get(person=company.uma)
    assert request.state == "requested"

    step2_approve.reject(
        actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash, reason="not needed"
    )
    standing.planned(order)
    order = standing.planned(order)

    assert requests_of(company.uma) == ["rejected"]
    assert order.figures["over"] == 1


def test_left_out_with_reasons_and_asked_as_soon_as_they_can_be(company: Company) -> None:
    away, mute = cast.person("away", state="inactive", sid=""), cast.person("mute", email="", sid="")
    group = standing.group("grp-vpn", away, mute, company.uma)

    order = standing.in_force(company.ada, group)
    assert (order.figures["not_active"], order.figures["no_email"], order.figures["gain"]) == (1, 1, 1)
    assert [row.pk for row in outcomes.persons_with(order, outcomes.MemberOutcome.NO_EMAIL)] == [mute.pk]

    Person.objects.filter(pk=mute.pk).update(email="mute@example.com")
    standing.planned(order)
    assert requests_of(mute) == ["awaiting_acceptance"]
    assert not requests_of(away)


def test_who_is_on_leave_loses_nothing_and_is_what_they_were_on_return(company: Company) -> None:
    """A directory that has them no more puts them on leave, and out of the group (who is back, is)."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    with_token(company, company.uma)
    order = standing.in_force(company.ada, group)

    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="leave")
    standing.leaves(group, company.uma)
    standing.planned(order)
    assert holds(company.uma) == ["on_hold"]

    standing.joins(group, company.uma)
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    standing.planned(order)
    assert holds(company.uma) == ["active"]
    assert len(StandingMember.objects.filter(person=company.uma)) == 1


def test_who_leaves_before_the_batch_order_has_asked_gets_nothing(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam)
    order = standing.made(company.ada, group)
    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))
    planning.run(order_id=order.pk)  # placed, and not carried out
    standing.leaves(group, company.uma)
    StandingOrder.objects.filter(pk=order.pk).update(next_attempt_at=timezone.now())
    planning.run(order_id=order.pk)

    standing.planned(order)

    assert (requests_of(company.uma), requests_of(company.sam)) == ([], ["awaiting_acceptance"])


def test_a_cancelled_batch_order_is_tried_again_a_day_later(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    order = standing.made(company.ada, group)
    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))
    planning.run(order_id=order.pk)
    (batch,) = standing.batches(order)
    batch_orders.cancel(actor=company.ada, order_id=batch.pk)

    assert standing.planned(order).figures["later"] == 1
    assert StandingMember.objects.get(person=company.uma).step == MemberStep.NEW
    StandingMember.objects.update(retry_at=timezone.now() - timedelta(minutes=1))
    standing.planned(order)
    assert requests_of(company.uma) == ["awaiting_acceptance"]


@pytest.mark.parametrize("basis", [StandingBasis.UNIT, StandingBasis.SEARCH])
def test_a_unit_and_a_search(company: Company, basis: StandingBasis) -> None:
    there = cast.person("there", sid="", organisational_unit="Süd", department="Lab")
    cast.person("other", sid="", organisational_unit="Süd2")
    criteria = {
        StandingBasis.UNIT: {"organisational_unit": "Süd"},
        StandingBasis.SEARCH: {"text": "there", "kind": "employee", "department": "Lab"},
    }
    order = standing.in_force(company.ada, None, basis=basis, criteria=criteria[basis])

    assert order.figures["members"] == 1
    assert requests_of(there) == ["awaiting_acceptance"]


def test_a_client_of_the_api_is_no_member(company: Company) -> None:
    cast.person("there", sid="", kind=PersonKind.EXTERNAL)
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    api_clients.make(
        actor=sven, wanted=api_clients.ApiClientInput(name="There", days=9, scopes=["persons:read"])
    )
    criteria = {"text": "there", "kind": "external"}
    order = standing.in_force(company.ada, None, basis=StandingBasis.SEARCH, criteria=criteria)

    assert order.figures["members"] == 1


# --- Breaker, and what is gone
def test_a_group_that_becomes_empty_stops_and_nobody_loses_anything(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam)
    tokens = [with_token(company, company.uma), with_token(company, company.sam)]
    order = standing.in_force(company.ada, group)

    standing.leaves(group, company.uma, company.sam)
    order = standing.planned(order)

    assert (order.state, order.stop_code) == ("stopped", "standing-order-emptied")
    assert {holds(token.person)[0] for token in tokens} == {"active"}
    assert StandingMember.objects.present().count() == 2
    told = OutgoingMail.objects.filter(message="standing_order_stopped").values_list("person", flat=True)
    assert set(told) == {company.ada.pk, standing.olga().pk}
    assert standing.planned(order).state == "stopped"

    orders.ask_again(actor=company.ada, order_id=order.pk)
    order = standing.planned(order)
    assert (order.state, order.figures["lose"]) == ("waiting", 2)
    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))
    order = standing.planned(order)
    assert order.state == "in_force"
    assert {holds(token.person)[0] for token in tokens} == {"revoked"}


def test_too_many_leavers_and_joiners_within_a_day_stop_it(
    company: Company, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1)
    settings.BREAKER_PERSONS = 1
    group = standing.group("grp-vpn", company.uma, company.sam, company.paul)
    order = standing.in_force(company.ada, group)
    assert order.state == "in_force"  # three were let through by the second officer

    standing.joins(group, cast.person("one", sid=""))
    order = standing.planned(order)
    assert order.state == "in_force"
    standing.joins(group, cast.person("two", sid=""))
    order = standing.planned(order)
    assert (order.state, order.stop_code) == ("stopped", "standing-order-joining")
    assert not requests_of(Person.objects.get(personnel_number="P-two"))

    StandingOrder.objects.filter(pk=order.pk).update(state=StandingState.IN_FORCE, may_gain=9)
    standing.leaves(group, company.uma)
    assert standing.planned(order).state == "in_force"
    standing.leaves(group, company.sam)
    order = standing.planned(order)
    assert (order.state, order.stop_code) == ("stopped", "standing-order-leaving")
    assert requests_of(company.sam) == ["awaiting_acceptance"]


def test_a_withdrawn_type_stops_it(company: Company) -> None:
    with_token(company, company.uma)
    group = standing.group("grp-vpn", company.uma, company.sam)
    order = standing.in_force(company.ada, group)
    company.vpn.retire()
    company.vpn.save()
    standing.leaves(group, company.uma)

    order = standing.planned(order)

    assert (order.state, order.stop_code) == ("stopped", "standing-order-type-withdrawn")
    assert holds(company.uma) == ["active"]


def test_who_asked_and_lost_the_role_stops_it_and_another_one_takes_it_over(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    order = standing.in_force(company.ada, group)
    RoleAssignment.objects.filter(person=company.ada).delete()

    order = standing.planned(order)
    assert (order.state, order.stop_code) == ("stopped", "standing-order-asker-gone")

    ines = cast.person("ines", sid="", roles=(Role.TOKEN_ADMINISTRATOR,))
    orders.ask_again(actor=standing.olga(), order_id=order.pk)
    order = standing.planned(order)
    order = orders.put_in_force(actor=ines, order_id=order.pk, seen=orders.seen_of(order))
    assert standing.planned(order).state == "in_force"
    assert order.officers.count() == 3


def test_while_a_directory_is_taken_over_nothing_is_planned(company: Company) -> None:
    """A directory that cannot be reached leaves memberships as they are: an incomplete run changes none."""
    group = standing.group("grp-vpn", company.uma)
    order = standing.in_force(company.ada, group)
    run = DirectoryRun(source=group.source, mode=RunMode.FULL)
    run.begin(now=timezone.now())
    run.save()
    standing.joins(group, company.sam)

    standing.planned(order)
    assert not requests_of(company.sam)

    run.finish(now=timezone.now())
    run.save()
    standing.planned(order)
    assert requests_of(company.sam) == ["awaiting_acceptance"]


def test_who_joins_a_group_of_the_directory_has_a_request_after_one_run(
    company: Company, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    corp = directory.install(monkeypatch, settings, directory.configured())
    corp.add("nina")
    corp.groups["vpn"] = ()
    directory.run()
    nina = Person.objects.get(personnel_number="D-nina")
    order = standing.in_force(company.ada, DirectoryGroup.objects.get())
    standing.planned_when_due(order)
    assert not requests_of(nina)

    corp.groups["vpn"] = ("id-nina",)
    directory.run()
    standing.planned_when_due(order)  # it is due at once, and not with its next plan

    assert requests_of(nina) == ["awaiting_acceptance"]


# --- Killed, repeated, overtaken
def test_killed_before_it_has_settled_it_places_nothing_twice(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = standing.group("grp-vpn", company.uma, company.sam)
    order = standing.made(company.ada, group)
    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))

    def killed(*_args: object, **_facts: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(planning, "_record", killed)
        with pytest.raises(SystemExit):
            planning.run(order_id=order.pk)
    assert not standing.batches(order)
    StandingOrder.objects.filter(pk=order.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
    standing.planned(order)

    assert standing.placed(order) == [("enable", 2)]
    assert TokenRequest.objects.filter(state=RequestState.AWAITING_ACCEPTANCE).count() == 2


def test_a_leased_order_is_left_alone_and_a_lost_lease_writes_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = standing.group("grp-vpn", company.uma)
    order = standing.made(company.ada, group)
    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))
    count = outcomes.count

    def overtaken(*args: object) -> dict[str, int]:
        assert not planning.run(order_id=order.pk)
        orders.pause(actor=company.ada, order_id=order.pk)
        return count(*args)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(outcomes, "count", overtaken)

    assert not planning.run(order_id=order.pk)
    assert not standing.batches(order)
    assert StandingOrder.objects.get(pk=order.pk).state == "paused"


def test_who_leaves_between_the_count_and_the_placing_is_not_lost(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the breaker has seen: nothing is placed, and it counts anew at once."""
    group = standing.group("grp-vpn", company.uma, company.sam)
    tokens = [with_token(company, company.uma), with_token(company, company.sam)]
    order = standing.in_force(company.ada, group)
    count = outcomes.count

    def overtaken(*args: object) -> dict[str, int]:
        figures = count(*args)  # type: ignore[arg-type]  # as it was called
        standing.leaves(group, company.uma, company.sam)
        return figures

    monkeypatch.setattr(outcomes, "count", overtaken)
    order = standing.planned(order)

    assert {holds(token.person)[0] for token in tokens} == {"active"}
    assert order.next_attempt_at is not None
    assert order.next_attempt_at <= timezone.now()
    monkeypatch.undo()
    assert standing.planned(order).stop_code == "standing-order-emptied"
