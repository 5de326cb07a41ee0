"""Whom a request asks for its approval, in which order, when they are reminded, and who is asked then."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import (
    ApiClient,
    ApiScope,
    ApprovalPolicy,
    AskedApprover,
    AuditEvent,
    OutgoingMail,
    Person,
    PersonSource,
    Role,
    RoleAssignment,
    TokenRequest,
)
from identity_manager.people.api_access import api_clients
from identity_manager.transactions import locking
from identity_manager.workflow import step2_approve
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.requests import approver_escalation, reminders
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def approver(name: str, *, unit: str = "", sid: str = "") -> Person:
    row = cast.person(name, roles=(), sid=sid)
    RoleAssignment.objects.create(person=row, role=Role.APPROVER, organisational_unit=unit)
    return row


def asked(request: TokenRequest) -> list[str]:
    return [row.approver.given_name for row in AskedApprover.objects.filter(request=request)]


def mailed(message: str) -> list[str]:
    mails = OutgoingMail.objects.filter(message=message).select_related("person")
    return sorted(mail.person.given_name for mail in mails)


def chase(*, days: float = 0) -> None:
    """What the hourly job does so many days from now; in the same hour it has nothing more to do."""
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        reminders.escalate_all_undecided()
        assert reminders.escalate_all_undecided() == 0


def test_without_a_manager_and_a_unit_everybody_is_asked(company: Company) -> None:
    request = company.request_in("requested")

    assert asked(request) == ["Petra", "Paul"], "in the order of surnames"
    assert mailed("approval_needed") == ["Paul", "Petra"]


def test_the_manager_is_asked_first_then_the_unit_then_those_without_a_limit(company: Company) -> None:
    approver("nina", unit="Nord")
    approver("olga", unit="Süd")
    company.uma.manager = company.petra
    company.uma.save()
    request = company.request_in("requested")
    assert asked(request) == ["Petra"]

    chase(days=4.9)
    assert asked(request) == ["Petra"]
    chase(days=5.1)
    assert asked(request) == ["Petra", "Nina"]
    chase(days=9.9)
    assert asked(request) == ["Petra", "Nina"]
    chase(days=10.3)

    assert asked(request) == ["Petra", "Nina", "Paul"]
    assert list(AskedApprover.objects.values_list("level", flat=True)) == ["first", "escalated", "escalated"]
    assert AuditEvent.objects.filter(name="request.escalated").count() == 2
    assert "Olga" not in mailed("approval_needed")


def test_a_manager_who_is_no_approver_is_not_asked(company: Company) -> None:
    company.uma.manager = company.sam
    company.uma.save()

    assert asked(company.request_in("requested")) == ["Petra", "Paul"]


def test_so_many_are_asked_that_two_can_decide(company: Company) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    company.uma.manager = company.petra
    company.uma.save()

    assert asked(cast.enabled(company.ada, company.uma, two)) == ["Petra", "Paul"]


def test_who_was_asked_is_reminded_once_after_two_days(company: Company) -> None:
    company.request_in("requested")

    chase(days=1.9)
    assert mailed("approval_reminder") == []
    for days in (2.1, 2.2, 3):
        chase(days=days)

    assert mailed("approval_reminder") == ["Paul", "Petra"]
    assert not AskedApprover.objects.filter(reminded_at=None).exists()


def test_both_are_due_at_the_moment_at_which_their_days_are_over(settings: Settings) -> None:
    now = timezone.now()
    reminded = AskedApprover(waits_from=now - timedelta(days=settings.APPROVAL_REMINDER_DAYS))
    passed = AskedApprover(waits_from=now - timedelta(days=settings.APPROVAL_ESCALATION_DAYS))
    assert approver_escalation.reminder_is_due(reminded, now=now)
    assert approver_escalation.escalation_is_due([passed], now=now)
    assert not approver_escalation.escalation_is_due([passed], now=now - timedelta(seconds=1))
    reminded.reminded_at = now
    assert not approver_escalation.reminder_is_due(reminded, now=now)
    assert not approver_escalation.reminder_is_due(AskedApprover(waits_from=now), now=now)


def test_who_has_decided_is_not_reminded(company: Company) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = cast.enabled(company.ada, company.uma, two)
    cast.approved(company.paul, request)

    chase(days=2.1)

    assert mailed("approval_reminder") == ["Petra"]


def test_when_everybody_was_asked_in_vain_the_administrators_are_told_once(company: Company) -> None:
    request = company.request_in("requested")

    for days in (5.1, 5.2, 11):
        chase(days=days)

    assert mailed("left_undecided") == ["Ada"]
    assert TokenRequest.objects.left_undecided().get() == request
    assert AuditEvent.objects.filter(name="request.left-undecided").count() == 1
    assert "has decided" in OutgoingMail.objects.get(message="left_undecided").body_text


def test_where_nobody_can_decide_the_administrators_are_told_at_once(company: Company) -> None:
    RoleAssignment.objects.filter(role=Role.APPROVER).delete()

    request = company.request_in("requested")

    assert asked(request) == []
    assert mailed("left_undecided") == ["Ada"]
    assert "Nobody can decide" in OutgoingMail.objects.get(message="left_undecided").body_text


def test_an_approver_who_is_appointed_later_is_asked(company: Company) -> None:
    RoleAssignment.objects.filter(role=Role.APPROVER).delete()
    request = company.request_in("requested")
    approver("nina", unit="Nord")

    chase()

    assert asked(request) == ["Nina"]
    assert mailed("approval_needed") == ["Nina"]


def test_where_who_was_asked_has_left_others_are_asked_without_waiting(company: Company) -> None:
    company.uma.manager = company.petra
    company.uma.save()
    request = company.request_in("requested")
    company.petra.deactivate()
    company.petra.save()

    chase()

    assert asked(request) == ["Petra", "Paul"]


@pytest.mark.parametrize("by_program", [False, True])
def test_what_waits_and_is_not_due_is_neither_locked_nor_asked_for_one_by_one(
    company: Company, monkeypatch: pytest.MonkeyPatch, *, by_program: bool
) -> None:
    """After a batch order thousands wait, and the job comes each hour. by_program: an API client asked."""

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked_for, monkeypatch.context() as watched:
            watched.setattr(locking, "request", lambda _pk: pytest.fail("locked"))
            assert reminders.escalate_all_undecided() == 0
        return len(asked_for)

    if by_program:
        wanted = api_clients.ApiClientInput(name="HR", days=30, scopes=[ApiScope.REQUESTS_WRITE])
        api_clients.make(actor=cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)), wanted=wanted)
        Person.objects.filter(pk=company.ada.pk).update(source=PersonSource.API)
        ApiClient.objects.update(actor=company.ada)
    company.request_in("requested")
    of_one = queries()
    for number in range(3):
        cast.enabled(company.ada, cast.person(f"one{number}", sid="", roles=()), company.signature)

    assert queries() == of_one


def test_one_that_has_begun_a_new_round_is_asked_about_without_who_began_it(company: Company) -> None:
    request = company.request_in("requested")
    TokenRequest.objects.filter(pk=request.pk).update(round=2, round_started_by=company.paul)

    chase()

    assert asked(request) == ["Petra", "Paul", "Petra"], "Paul was asked in the first round alone"


def postponed(company: Company, *, days: float) -> TokenRequest:
    request = company.request_in("requested")
    return step2_approve.postpone(
        actor=company.paul,
        request_id=request.pk,
        snapshot_hash=request.snapshot_hash,
        until=timezone.now() + timedelta(days=days),
    )


def test_who_has_postponed_it_is_not_reminded_and_the_others_are(company: Company) -> None:
    postponed(company, days=20)

    chase(days=4)

    assert mailed("approval_reminder") == ["Petra"]


def test_a_postponement_keeps_nobody_else_from_being_asked(company: Company) -> None:
    """One approver who postpones on and on would otherwise keep a request from everybody."""
    postponed(company, days=20)

    chase(days=10)

    assert mailed("left_undecided") != []


def test_a_postponed_request_comes_back_once_and_reminds_who_postponed_it(company: Company) -> None:
    request = postponed(company, days=20)
    assert reminders.return_all_postponed() == 0

    with time_machine.travel(timezone.now() + timedelta(days=20, minutes=1)):
        assert reminders.return_all_postponed() == 1
        assert reminders.return_all_postponed() == 0
        chase()

    assert not request.postponements.exists()
    assert mailed("approval_back") == ["Paul"]
    assert mailed("approval_reminder") == ["Petra"], "the mail that it is back was Paul's reminder"
    assert AuditEvent.objects.filter(name="request.returned").count() == 1


def test_of_several_that_come_back_at_the_same_time_one_mail_tells(company: Company) -> None:
    until = timezone.now() + timedelta(days=2)
    requests = [cast.enabled(company.ada, person, company.signature) for person in (company.uma, company.sam)]
    seen = {request.pk: request.snapshot_hash for request in requests}
    assert step2_approve.postpone_several(actor=company.paul, seen=seen, until=until) == []

    with time_machine.travel(until + timedelta(minutes=1)):
        assert reminders.return_all_postponed() == 2

    assert mailed("approval_back") == []
    assert mailed("approvals_back") == ["Paul"]


@pytest.mark.parametrize("lost", ["person", "role", "decided"])
def test_it_does_not_come_back_to_who_decides_no_more(company: Company, lost: str) -> None:
    request = postponed(company, days=1)
    match lost:
        case "person":
            company.paul.deactivate()
            company.paul.save()
        case "role":
            company.paul.roles.filter(role="approver").delete()
        case "decided":
            cast.approved(company.petra, request)

    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert reminders.return_all_postponed() == 0

    assert mailed("approval_back") == []
    assert not request.postponements.exists()


def test_what_release_1_0_has_postponed_for_all_is_of_who_asked_for_it(company: Company) -> None:
    request, until = company.request_in("requested"), timezone.now() + timedelta(days=1)
    TokenRequest.objects.filter(pk=request.pk).update(postponed_until=until, postponed_by=company.paul)

    reminders.return_all_postponed()

    request.refresh_from_db()
    row = request.postponements.get()
    assert (row.approver, row.until) == (company.paul, until)
    assert (request.postponed_until, request.postponed_by) == (None, None)


@pytest.mark.parametrize("state", ["approved", "rejected", "awaiting_acceptance", "cancelled"])
def test_what_does_not_wait_for_a_decision_is_not_chased(company: Company, state: str) -> None:
    request = company.request_in(state)
    before = AskedApprover.objects.count(), OutgoingMail.objects.count(), AuditEvent.objects.count()

    chase(days=30)
    reminders.escalate_undecided(request_id=request.pk)
    assert reminders.return_all_postponed() == 0

    assert (AskedApprover.objects.count(), OutgoingMail.objects.count(), AuditEvent.objects.count()) == before


def test_an_approver_who_was_not_asked_may_decide_all_the_same(company: Company) -> None:
    company.uma.manager = company.petra
    company.uma.save()
    request = company.request_in("requested")

    assert cast.approved(company.paul, request).state == "awaiting_acceptance"


def test_levels_leave_out_who_asked_and_whom_it_is_for(company: Company) -> None:
    for person in (company.ada, company.uma):
        RoleAssignment.objects.create(person=person, role=Role.APPROVER, organisational_unit="Nord")
    request = company.request_in("requested")

    assert approvers.approver_levels(request) == [[company.petra, company.paul]]
