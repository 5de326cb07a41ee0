"""Approvers of a batch order are told of all its requests together; so are the office and who gave it."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from identity_manager.models import (
    ApprovalPolicy,
    AskedApprover,
    BatchOrder,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    TokenRequest,
)
from identity_manager.workflow import step2_approve as step2
from identity_manager.workflow.batch import approver_mails, chunk_size
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_run
from identity_manager.workflow.delivery import mail_relevance
from identity_manager.workflow.requests import reminders
from tests.identity_manager.workflow.batch.orders import due
from tests.identity_manager.workflow.batch.test_batch_orders import done, given, looked_at
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.nightly_on_postgresql,
    pytest.mark.long,
]


@pytest.fixture
def crowd(company: Company) -> list[Person]:
    return [cast.person(f"one{number}", sid="", roles=()) for number in range(4)]


@pytest.fixture
def order(company: Company, crowd: list[Person]) -> BatchOrder:
    """Carried out: four requests wait for paul or petra."""
    return done(given(company, *crowd, types=[company.signature]), company)


def to_officers() -> list[tuple[str, str]]:
    mails = OutgoingMail.objects.select_related("person").exclude(message="information")
    return sorted((mail.message, mail.person.given_name) for mail in mails)


def decide(verb: str, company: Company, order: BatchOrder) -> None:
    rows = TokenRequest.objects.filter(pk__in=order.lines.values("request"))
    seen = {row.pk: row.snapshot_hash for row in rows}
    if verb == "approve":
        step2.approve_several(actor=company.paul, seen=seen)
    else:
        step2.reject_several(actor=company.paul, seen=seen, reason="Not now")


def test_each_approver_gets_one_mail_that_leads_to_all_of_them(company: Company, order: BatchOrder) -> None:
    assert AskedApprover.objects.count() == 8, "asked about each"
    assert to_officers() == [("batch_waits", "Paul"), ("batch_waits", "Petra")]
    mail = OutgoingMail.objects.filter(message="batch_waits").first()
    assert mail is not None
    assert order.reference in mail.subject
    assert f"/open-tasks/decisions/of/{order.pk}/" in mail.body_text


def test_an_order_without_approvals_tells_nobody(company: Company, crowd: list[Person]) -> None:
    done(given(company, *crowd), company)

    assert to_officers() == []


@pytest.mark.parametrize("verb", [batch_orders.pause, batch_orders.cancel], ids=["paused", "cancelled"])
def test_stopped_on_its_way_they_are_told_of_those_that_there_are(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch, verb: object
) -> None:
    monkeypatch.setattr(chunk_size.ChunkSize, "size", 2)
    order = looked_at(given(company, *crowd, types=[company.signature]))
    monkeypatch.setattr(chunk_size, "WORK_SECONDS", -1)
    batch_orders.start(actor=company.ada, order_id=order.pk)
    batch_run.run(order_id=order.pk)
    batch_shards.run(shard_id=due(order)[0])
    assert (TokenRequest.objects.count(), to_officers()) == (2, [])

    verb(actor=company.ada, order_id=order.pk)  # type: ignore[operator]  # one of the two

    assert to_officers() == [("batch_waits", "Paul"), ("batch_waits", "Petra")]


def test_they_are_reminded_once_of_all_of_them(company: Company, order: BatchOrder) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=2, hours=1)):
        assert reminders.escalate_all_undecided() == 4
        assert reminders.escalate_all_undecided() == 0

    reminded = OutgoingMail.objects.filter(message__contains="reminder")
    assert sorted(mail.message for mail in reminded) == ["batch_reminder", "batch_reminder"]
    assert {mail.person for mail in reminded} == {company.paul, company.petra}


def test_who_is_asked_later_is_told_once_too(company: Company, order: BatchOrder) -> None:
    nina = cast.person("nina", roles=(), sid="")
    RoleAssignment.objects.create(person=nina, role=Role.APPROVER)
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        reminders.escalate_all_undecided()

    assert OutgoingMail.objects.filter(person=nina).count() == 1
    assert AskedApprover.objects.filter(approver=nina).count() == 4


def test_where_nobody_can_decide_the_office_is_told_once(company: Company, crowd: list[Person]) -> None:
    RoleAssignment.objects.filter(role=Role.APPROVER).delete()

    done(given(company, *crowd, types=[company.signature]), company)

    assert to_officers() == [("batch_undecided", "Ada")]
    assert "Nobody can decide" in OutgoingMail.objects.get(message="batch_undecided").body_text
    assert TokenRequest.objects.left_undecided().count() == 4


def test_where_nobody_decides_the_office_is_told_once(company: Company, order: BatchOrder) -> None:
    for days in (5.1, 10.3):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            reminders.escalate_all_undecided()

    undecided = OutgoingMail.objects.get(message="batch_undecided")
    assert undecided.person == company.ada
    assert "nobody has decided" in undecided.body_text


def test_who_gave_it_gets_one_mail_a_day_about_approvals(company: Company, order: BatchOrder) -> None:
    decide("approve", company, order)

    assert OutgoingMail.objects.get(message="batch_approved").person == company.ada
    assert not OutgoingMail.objects.filter(message="approved").exists()


def test_who_gave_it_is_told_of_rejections_with_their_reason(company: Company, order: BatchOrder) -> None:
    first, second, third, _fourth = TokenRequest.objects.order_by("pk")
    step2.approve(actor=company.paul, request_id=first.pk, snapshot_hash=first.snapshot_hash)
    for row, reason in ((second, "Not now"), (third, "Not ever")):
        step2.reject(actor=company.paul, request_id=row.pk, snapshot_hash=row.snapshot_hash, reason=reason)

    told = OutgoingMail.objects.filter(message="batch_rejected").order_by("pk")
    assert [why in mail.body_text for mail, why in zip(told, ("Not now", "Not ever"), strict=True)] == [
        True,
        True,
    ]
    decide("reject", company, order)
    assert OutgoingMail.objects.filter(message__contains="reject").count() == 2, "the first reason once more"


def test_what_is_enabled_after_a_pause_is_told_of_the_same_day(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has decided on all that there was is told of the others."""
    monkeypatch.setattr(chunk_size.ChunkSize, "size", 2)
    order = looked_at(given(company, *crowd, types=[company.signature]))
    with monkeypatch.context() as slow:
        slow.setattr(chunk_size, "WORK_SECONDS", -1)
        batch_orders.start(actor=company.ada, order_id=order.pk)
        batch_run.run(order_id=order.pk)
        batch_shards.run(shard_id=due(order)[0])
        batch_orders.pause(actor=company.ada, order_id=order.pk)
    decide("approve", company, order)
    batch_orders.resume(actor=company.ada, order_id=order.pk)
    looked_at(order)

    assert OutgoingMail.objects.filter(message="batch_waits", person=company.paul).count() == 2


def test_an_order_tells_of_its_own_requests_alone(
    company: Company, crowd: list[Person], order: BatchOrder
) -> None:
    done(given(company, *crowd), company)

    assert to_officers() == [("batch_waits", "Paul"), ("batch_waits", "Petra")]


def test_who_decides_and_administers_is_told_both(company: Company, crowd: list[Person]) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    RoleAssignment.objects.filter(role=Role.APPROVER).delete()
    cast.person("olga", roles=(Role.TOKEN_ADMINISTRATOR, Role.APPROVER), sid="")

    done(given(company, *crowd, types=[two]), company)

    assert to_officers() == [("batch_undecided", "Ada"), ("batch_undecided", "Olga"), ("batch_waits", "Olga")]


def test_told_twice_of_the_same_nobody_is(company: Company, order: BatchOrder) -> None:
    assert approver_mails.tell_of_stopped() == 1
    approver_mails.tell(order)

    assert to_officers() == [("batch_waits", "Paul"), ("batch_waits", "Petra")]


def test_who_was_told_under_another_key_is_not_told_again(company: Company, order: BatchOrder) -> None:
    """Until release 1.0 the key of such a mail had no moment."""
    for mail in OutgoingMail.objects.filter(message="batch_waits"):
        OutgoingMail.objects.filter(pk=mail.pk).update(occasion=f"batch-waits:{order.pk}:{mail.person_id}")
    approver_mails.tell(order)
    assert to_officers() == [("batch_waits", "Paul"), ("batch_waits", "Petra")]


@pytest.mark.parametrize("approvers", ["some", "none"])
def test_whom_the_release_before_did_not_tell_is_told_by_the_clock(
    company: Company, crowd: list[Person], monkeypatch: pytest.MonkeyPatch, approvers: str
) -> None:
    if approvers == "none":
        RoleAssignment.objects.filter(role=Role.APPROVER).delete()
    with monkeypatch.context() as before:
        before.setattr(approver_mails, "tell", lambda _order: None)
        done(given(company, *crowd, types=[company.signature]), company)
    assert to_officers() == []

    approver_mails.tell_of_stopped()

    told = {"some": [("batch_waits", "Paul"), ("batch_waits", "Petra")], "none": [("batch_undecided", "Ada")]}
    assert to_officers() == told[approvers]


def test_an_order_that_runs_tells_nobody_by_the_clock(company: Company, crowd: list[Person]) -> None:
    order = looked_at(given(company, *crowd, types=[company.signature]))
    batch_orders.start(actor=company.ada, order_id=order.pk)

    assert approver_mails.tell_of_stopped() == 0


def test_only_who_can_still_decide_is_told(company: Company, crowd: list[Person]) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    nina = cast.person("nina", roles=(), sid="")
    RoleAssignment.objects.create(person=nina, role=Role.APPROVER)
    order = done(given(company, *crowd, types=[two]), company)
    OutgoingMail.objects.filter(message="batch_waits").delete()
    decide("approve", company, order)
    RoleAssignment.objects.filter(person=company.petra).delete()

    approver_mails.tell(order)

    assert OutgoingMail.objects.get(message="batch_waits").person == nina, "paul has decided, petra may not"


def test_the_office_is_told_of_what_nobody_decides_later_too(company: Company, order: BatchOrder) -> None:
    _early, *late = TokenRequest.objects.order_by("pk")
    now = timezone.now()
    asked = AskedApprover.objects.filter(request__in=[row.pk for row in late])
    asked.update(waits_from=now + timedelta(days=30))
    for days in (6, 12, 40, 46):
        with time_machine.travel(now + timedelta(days=days)):
            reminders.escalate_all_undecided()

    assert TokenRequest.objects.left_undecided().count() == 4
    assert OutgoingMail.objects.filter(message="batch_undecided").count() == 2


def test_where_too_few_can_decide_the_office_reads_so(company: Company, crowd: list[Person]) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    RoleAssignment.objects.filter(person=company.petra).delete()

    done(given(company, *crowd, types=[two]), company)

    assert "Nobody can decide" in OutgoingMail.objects.get(message="batch_undecided").body_text


def test_one_that_is_sent_round_again_has_mails_of_its_own(company: Company, order: BatchOrder) -> None:
    request = TokenRequest.objects.order_by("pk")[0]
    TokenRequest.objects.filter(pk=request.pk).update(round=2)
    reminders.escalate_all_undecided()

    told = OutgoingMail.objects.filter(request=request).values_list("message", "person__given_name")
    assert sorted(told) == [("approval_needed", "Paul"), ("approval_needed", "Petra")]


def test_once_all_are_decided_mails_that_ask_are_not_sent(company: Company, order: BatchOrder) -> None:
    mail = OutgoingMail.objects.filter(message="batch_waits")[0]
    assert mail_relevance.obstacle(mail) is None

    decide("reject", company, order)

    obstacle = mail_relevance.obstacle(mail)
    assert isinstance(obstacle, mail_relevance.NoLongerRelevant)


def test_of_a_request_by_hand_each_is_told_as_before(company: Company, order: BatchOrder) -> None:
    request = cast.enabled(company.ada, company.uma, company.signature)
    cast.approved(company.paul, request)

    told = OutgoingMail.objects.filter(request=request).values_list("message", flat=True)
    assert sorted(told) == ["approval_needed", "approval_needed", "approved", "information"]
