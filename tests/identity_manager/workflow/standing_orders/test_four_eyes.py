"""Standing orders and four eyes: who caused a request approves nothing of it, whatever roles they hold."""

import pytest
from django.utils import timezone

from identity_manager.models import (
    AuditEvent,
    ConsentState,
    DirectoryGroup,
    LossRule,
    Person,
    PersonSource,
    Role,
    RoleAssignment,
    ScimToken,
    StandingBasis,
    StandingOrder,
    TokenRequest,
)
from identity_manager.people import groups, persons
from identity_manager.people.identity import identity_changes
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import snapshot, step2_approve
from identity_manager.workflow.people import sign_in_codes
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.requests import resubmission, suspension
from identity_manager.workflow.standing_orders import orders, planning
from identity_manager.workflow.standing_orders.orders import StandingOrderInput
from tests.identity_manager.workflow.batch.orders import work
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
SIGNATURE = {"type_code": "signature", "name": "Signature"}


def also_approver(person: Person) -> Person:
    """Two roles on one person, as an installation may allow."""
    RoleAssignment.objects.create(person=person, role=Role.APPROVER)
    return Person.objects.get(pk=person.pk)


def refused(officer: Person, request: TokenRequest) -> str:
    """The code of the refusal; and in none of the three forms of the rule the officer decides."""
    with pytest.raises(NotAllowed) as refusal:
        step2_approve.approve(actor=officer, request_id=request.pk, snapshot_hash=request.snapshot_hash)
    fresh = TokenRequest.objects.get(pk=request.pk)
    assert officer not in approvers.approvers(fresh)
    assert request not in TokenRequest.objects.decidable_by(officer)
    assert not fresh.asked_approvers.filter(approver=officer).exists()
    assert request in TokenRequest.objects.asked_for_by(officer)
    return refusal.value.reason.code


def test_neither_who_made_it_nor_who_put_it_in_force_approves(company: Company) -> None:
    ada, olga = also_approver(company.ada), also_approver(standing.olga())
    standing.in_force(ada, standing.group("grp", company.uma), **SIGNATURE)
    request = TokenRequest.objects.get(person=company.uma)

    assert {refused(ada, request), refused(olga, request)} == {"own-request"}
    cast.approved(company.paul, request)
    assert TokenRequest.objects.get(pk=request.pk).state == "awaiting_acceptance"


def test_who_put_somebody_into_a_group_by_hand_does_not_approve_for_them(company: Company) -> None:
    rita = also_approver(company.rita)
    other = cast.person("otto", sid="", roles=(Role.REGISTRATION_OFFICER, Role.APPROVER))
    group = standing.by_hand(rita, company.uma)
    groups.add(actor=other, group_id=group.pk, numbers=["P-sam"])
    standing.in_force(company.ada, group, **SIGNATURE)
    mine, theirs = (TokenRequest.objects.get(person=each) for each in (company.uma, company.sam))

    assert refused(rita, mine) == "own-request"
    assert refused(other, theirs) == "own-request"
    assert approvers.decision_obstacle(other, mine) is None


@pytest.mark.parametrize("times", [1, 2], ids=["taken out", "and put in again"])
def test_who_takes_somebody_out_of_the_group_again_does_not_wipe_their_name_off(
    company: Company, times: int
) -> None:
    """The batch order is placed, and asks later: whoever is not in the group by then gets nothing."""
    rita = also_approver(company.rita)
    group = standing.by_hand(rita, company.uma, company.sam)
    order = standing.made(company.ada, group, **SIGNATURE)
    orders.put_in_force(actor=standing.olga(), order_id=order.pk, seen=orders.seen_of(order))
    planning.run(order_id=order.pk)  # placed, and not carried out
    groups.remove(actor=rita, group_id=group.pk, person_id=company.uma.pk)
    if times == 2:
        groups.add(actor=rita, group_id=group.pk, numbers=["P-uma"])
    (batch,) = standing.batches(order)
    while work(batch):
        pass

    assert TokenRequest.objects.filter(person=company.sam).exists()
    requests = TokenRequest.objects.filter(person=company.uma)
    assert [refused(rita, each) for each in requests] == ["own-request"] * (times - 1)


def test_who_asked_for_the_address_that_a_search_finds_does_not_approve(company: Company) -> None:
    rita, rolf = also_approver(company.rita), cast.person("rolf", sid="", roles=(Role.REGISTRATION_OFFICER,))
    order = standing.in_force(
        company.ada, None, basis=StandingBasis.SEARCH, criteria={"text": "lab.example.com"}, **SIGNATURE
    )
    uma = Person.objects.get(pk=company.uma.pk)
    new = {"email": "uma@lab.example.com"}
    change = identity_changes.ask(uma, new=new, source=PersonSource.MANUAL, actor=rita)
    identity_changes.confirm(actor=rolf, change_id=change.pk)
    standing.planned(order)

    assert refused(rita, TokenRequest.objects.get(person=company.uma)) == "own-request"


def test_who_moved_somebody_into_the_unit_by_hand_does_not_approve_for_them(company: Company) -> None:
    rita = also_approver(company.rita)
    order = standing.in_force(
        company.ada, None, basis=StandingBasis.UNIT, criteria={"organisational_unit": "Lab"}, **SIGNATURE
    )
    uma = Person.objects.get(pk=company.uma.pk)
    shown = ("given_name", "surname", "display_name", "email", "upn", "sid", "department")
    values = {name: getattr(uma, name) for name in shown} | {"organisational_unit": "Lab"}
    persons.edit(actor=rita, person_id=uma.pk, version=uma.version, values=values)
    standing.planned(order)

    assert refused(rita, TokenRequest.objects.get(person=company.uma)) == "own-request"


def test_the_officers_of_a_scim_client_do_not_approve_what_its_groups_cause(company: Company) -> None:
    sysa, sysb = (cast.person(name, sid="", roles=(Role.APPROVER,)) for name in ("sysa", "sysb"))
    group = standing.group("grp", company.uma)
    token = ScimToken(source=group.source, name="Entra", digest="0", expires_at=timezone.now(), asked_by=sysa)
    token.confirm(by=sysb, now=timezone.now())
    token.save()
    assert token.state == ConsentState.CONFIRMED
    standing.in_force(company.ada, group, **SIGNATURE)
    request = TokenRequest.objects.get(person=company.uma)

    assert {refused(sysa, request), refused(sysb, request)} == {"own-request"}


def test_after_it_was_sent_round_again_they_still_do_not(company: Company) -> None:
    olga = also_approver(standing.olga())
    standing.in_force(company.ada, standing.group("grp", company.uma), **SIGNATURE)
    request = TokenRequest.objects.get(person=company.uma)
    Person.objects.filter(pk=company.uma.pk).update(surname="Changed")
    suspension.check_requests_of(person_id=company.uma.pk)
    request.refresh_from_db()
    changes = snapshot.fingerprint(snapshot.differences(request.lines))
    resubmission.resubmit(actor=company.ada, request_id=request.pk, changes_hash=changes)

    request.refresh_from_db()
    assert request.round == 2
    assert refused(olga, request) == "own-request"


def test_who_asks_for_their_own_group_always_needs_an_approver(company: Company) -> None:
    """Uma put in force an order that gives her a type that needs no approval."""
    RoleAssignment.objects.create(person=company.uma, role=Role.TOKEN_ADMINISTRATOR)
    uma = Person.objects.get(pk=company.uma.pk)
    order = standing.made(company.ada, standing.group("grp-vpn", uma, company.sam))
    orders.put_in_force(actor=uma, order_id=order.pk, seen=orders.seen_of(order))
    standing.planned(order)

    assert TokenRequest.objects.get(person=uma).state == "requested"
    assert TokenRequest.objects.get(person=company.sam).state == "awaiting_acceptance"


def test_who_made_a_code_for_a_person_causes_nothing_for_them(company: Company) -> None:
    group = standing.by_hand(company.rita, company.uma, company.sam)
    _code(company)
    order = standing.in_force(company.ada, group)

    (batch,) = standing.batches(order)
    reasons = {line.person_id: [each["code"] for each in line.reasons] for line in batch.lines.all()}
    assert reasons == {company.uma.pk: ["co-requester-made-a-code"], company.sam.pk: []}


def _code(company: Company) -> None:
    made = sign_in_codes.ask(actor=company.rita, person_id=company.uma.pk)
    sign_in_codes.make(actor=company.rita, code_id=made.pk)


# --- The verbs
def test_one_officer_makes_it_and_another_one_puts_it_in_force(company: Company) -> None:
    order = standing.made(company.ada, standing.group("grp-vpn", company.uma))
    seen = orders.seen_of(order)
    for officer, code in ((company.ada, "own-standing-order"), (company.rita, "keeps-no-standing-orders")):
        with pytest.raises(NotAllowed) as refusal:
            orders.put_in_force(actor=officer, order_id=order.pk, seen=seen)
        assert refusal.value.reason.code == code
    limited = cast.person("lara", sid="", roles=())
    RoleAssignment.objects.create(person=limited, role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Nord")
    with pytest.raises(NotAllowed):
        orders.put_in_force(actor=limited, order_id=order.pk, seen=seen)
    assert not TokenRequest.objects.exists()
    names = set(AuditEvent.objects.values_list("name", flat=True))
    assert "standing-order.confirmed" not in names


def test_a_stale_form_confirms_nothing(company: Company) -> None:
    order = standing.made(company.ada, standing.group("grp-vpn", company.uma))
    olga = standing.olga()
    with pytest.raises(Stale) as refusal:
        orders.put_in_force(actor=olga, order_id=order.pk, seen="2020-01-01T00:00:00+00:00")
    assert refusal.value.reason.code == "standing-order-counted-anew"

    orders.put_in_force(actor=olga, order_id=order.pk, seen=orders.seen_of(order))
    with pytest.raises(Stale):
        orders.put_in_force(actor=olga, order_id=order.pk, seen=orders.seen_of(order))
    with pytest.raises(Stale):
        orders.resume(actor=olga, order_id=order.pk)
    with pytest.raises(Stale):
        orders.ask_again(actor=olga, order_id=order.pk)


def test_paused_ended_and_rejected_nothing_is_done(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    order = standing.in_force(company.ada, group)
    orders.pause(actor=company.ada, order_id=order.pk)
    standing.joins(group, company.sam)
    standing.planned(order)
    assert not TokenRequest.objects.filter(person=company.sam).exists()

    orders.resume(actor=company.ada, order_id=order.pk)
    standing.planned(order)
    assert TokenRequest.objects.filter(person=company.sam).exists()

    orders.end(actor=company.ada, order_id=order.pk)
    standing.leaves(group, company.uma)
    assert standing.planned(order).state == "ended"
    assert TokenRequest.objects.get(person=company.uma).state == "awaiting_acceptance"
    with pytest.raises(Stale):
        orders.end(actor=company.ada, order_id=order.pk)

    other = standing.made(company.ada, group, name="Other")
    with pytest.raises(NotPossible):
        orders.reject(actor=standing.olga(), order_id=other.pk, reason=" ")
    orders.reject(actor=standing.olga(), order_id=other.pk, reason="Not this group")
    assert StandingOrder.objects.get(pk=other.pk).state == "ended"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"type_code": "gone"}, "type_code"),
        ({"group": None}, "group"),
        ({"basis": StandingBasis.UNIT, "criteria": {"organisational_unit": " "}}, "unit"),
        ({"basis": StandingBasis.SEARCH, "criteria": {"kind": "employee"}}, "search"),
        ({"purpose": "x" * 501}, "purpose"),
    ],
)
def test_a_wrong_order_is_refused_at_its_field(
    company: Company, change: dict[str, object], field: str
) -> None:
    group = standing.group("grp-vpn", company.uma)
    values: dict[str, object] = {
        "name": "VPN",
        "basis": StandingBasis.GROUP,
        "type_code": "vpn",
        "loss_rule": LossRule.REVOKE,
        "group": group.pk,
    }
    with pytest.raises(NotPossible) as refusal:
        orders.make(actor=company.ada, wanted=StandingOrderInput(**(values | change)))  # type: ignore[arg-type]  # any
    assert refusal.value.field == field
    orders.make(actor=company.ada, wanted=StandingOrderInput(**values))  # type: ignore[arg-type]  # any
    with pytest.raises(NotPossible) as refusal:
        orders.make(actor=company.ada, wanted=StandingOrderInput(**values))  # type: ignore[arg-type]  # any
    assert refusal.value.reason.code == "standing-order-name-taken"
    with pytest.raises(NotAllowed):
        orders.make(actor=company.paul, wanted=StandingOrderInput(**values))  # type: ignore[arg-type]  # any


# --- Groups by hand
def test_groups_by_hand(company: Company) -> None:
    group = groups.make(actor=company.rita, name=" Externals ")
    before = set(RoleAssignment.objects.values_list("pk", flat=True))
    assert groups.add(actor=company.rita, group_id=group.pk, numbers=["P-uma", " P-sam ", ""]) == 2
    assert groups.add(actor=company.rita, group_id=group.pk, numbers=["P-uma"]) == 0
    assert set(RoleAssignment.objects.values_list("pk", flat=True)) == before  # a group gives no role
    with pytest.raises(NotPossible) as refusal:
        groups.add(actor=company.rita, group_id=group.pk, numbers=["P-paul", "P-nobody"])
    assert (refusal.value.field, group.memberships.count()) == ("numbers", 2)
    assert "P-nobody" in refusal.value.reason.sentence
    with pytest.raises(NotAllowed):
        groups.add(actor=company.rita, group_id=group.pk, numbers=["P-rita"])
    with pytest.raises(NotAllowed):
        groups.add(actor=company.ada, group_id=group.pk, numbers=["P-paul"])
    with pytest.raises(NotPossible):
        groups.make(actor=company.rita, name="Externals")

    groups.remove(actor=company.rita, group_id=group.pk, person_id=company.uma.pk)
    with pytest.raises(Stale):
        groups.remove(actor=company.rita, group_id=group.pk, person_id=company.uma.pk)
    groups.end(actor=company.rita, group_id=group.pk)
    assert not group.memberships.exists()
    with pytest.raises(Stale):
        groups.add(actor=company.rita, group_id=group.pk, numbers=["P-uma"])


def test_a_group_of_a_directory_is_not_changed_by_hand(company: Company) -> None:
    group = standing.group("grp-vpn", company.uma)
    with pytest.raises(NotAllowed) as refusal:
        groups.remove(actor=company.rita, group_id=group.pk, person_id=company.uma.pk)
    assert refusal.value.reason.code == "group-of-a-directory"
    assert DirectoryGroup.objects.get().memberships.count() == 1
