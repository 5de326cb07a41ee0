"""What nobody foresaw, in each piece of work that is done on a certificate beside issuing it.

It stands on the row, is raised for the log, and the work is done at the next try.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection
from django.db.models import F
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import CertificateOrder, RevocationReason, Unknown
from identity_manager import queue
from identity_manager.mail.messages import request_messages
from identity_manager.models import (
    BatchOrder,
    BatchSource,
    Certificate,
    OutgoingMail,
    Person,
    PersonImport,
    Role,
    RoleAssignment,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people.officers import roles
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow import step5_issue
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.people import imports
from identity_manager.workflow.requests import cancellation, lapse, reminders
from identity_manager.workflow.revocation import hold, revoke
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def to_be_revoked(company: Company) -> None:
    company.request_in("completed")
    token = SoftwareToken.objects.get()
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)


def to_be_held(company: Company) -> None:
    company.request_in("completed")
    hold.put_on_hold(
        actor=company.ada, token_id=SoftwareToken.objects.get().pk, reason="the laptop is missing"
    )


def left_behind(company: Company) -> None:
    """Nobody knows whether the CA has issued, and the request is cancelled."""
    request = company.request_in("issuing")

    def silent(_self: EmbeddedConnector, _order: CertificateOrder) -> Unknown:
        return Unknown("time-out")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedConnector, "issue", silent)
        one_step.issue(Certificate.objects.get().pk)
    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left")


@pytest.mark.parametrize(
    ("prepare", "work", "call", "state"),
    [
        (to_be_revoked, revoke.revoke_at_ca, "revoke", "revoked"),
        (to_be_held, hold.hold_at_ca, "hold", "on_hold"),
        (left_behind, step5_issue.resolve_orphaned_order, "look_up", "refused"),
    ],
)
def test_it_stands_on_the_certificate_and_is_tried_again(
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Company], None],
    work: Callable[..., None],
    call: str,
    state: str,
) -> None:
    prepare(company)
    certificate = Certificate.objects.get()

    def slip(*_: object, **__: object) -> None:
        raise LookupError("a slip of ours")

    assert certificate.next_attempt_at is not None
    with time_machine.travel(certificate.next_attempt_at), monkeypatch.context() as patch:
        patch.setattr(issuing, call, slip)
        with pytest.raises(LookupError):
            work(certificate_id=certificate.pk)

    row = Certificate.objects.get()
    assert (row.last_error, row.leased_until, row.state) == ("LookupError", None, certificate.state)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > certificate.next_attempt_at
    with time_machine.travel(row.next_attempt_at):
        work(certificate_id=certificate.pk)
    row = Certificate.objects.get()
    assert (row.state, row.next_attempt_at) == (state, None)
    assert row.last_error != "LookupError"


# --- of many rows, one


def two_waiting(company: Company) -> tuple[TokenRequest, TokenRequest]:
    """The first one's deadline is the earlier one."""
    first = cast.enabled(company.ada, company.uma, cast.token_type("vpn", name="VPN"))
    second = cast.enabled(company.ada, cast.person("ulf"), cast.token_type("vpn", name="VPN"))
    TokenRequest.objects.filter(pk=first.pk).update(accept_before=F("accept_before") - timedelta(hours=1))
    return first, second


def test_a_request_that_cannot_lapse_keeps_no_other_from_it(
    company: Company, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two_waiting(company)
    lapsed = request_messages.request_lapsed

    def slip(request: TokenRequest) -> OutgoingMail:
        if request.pk == first.pk:
            raise LookupError("a slip of ours")
        return lapsed(request)

    monkeypatch.setattr(request_messages, "request_lapsed", slip)
    with (
        time_machine.travel(timezone.now() + timedelta(days=31)),
        pytest.raises(LookupError, match="a slip of ours"),
    ):
        lapse.lapse_overdue()

    states = dict(TokenRequest.objects.values_list("pk", "state"))
    assert states == {first.pk: "awaiting_acceptance", second.pk: "lapsed"}
    assert f"A row failed and was skipped: {first.pk}" in caplog.text


@pytest.mark.parametrize(
    ("error", "is_usable", "tries"),
    [(OperationalError, True, 2), (OperationalError, False, 1), (SoftTimeLimitExceeded, True, 1)],
)
def test_what_is_no_fault_of_a_row_ends_the_work(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], *, is_usable: bool, tries: int
) -> None:
    """The lock of one row comes too late: the others have their turn. Not so where the database is away, or
    the task's time is over."""
    monkeypatch.setattr(connection, "is_usable", lambda: is_usable)
    tried = []

    def fail(row_id: uuid.UUID) -> None:
        tried.append(row_id)
        raise error

    with pytest.raises(error):
        retry_later.for_each_isolated([uuid.uuid4(), uuid.uuid4()], fail)
    assert len(tried) == tries


def test_the_first_of_several_errors_is_raised() -> None:
    errors = [ValueError("of the first row"), KeyError("of the second row")]
    rows = {uuid.uuid4(): error for error in errors}

    def fail(row_id: uuid.UUID) -> None:
        raise rows[row_id]

    with pytest.raises(ValueError, match="of the first row"):
        retry_later.for_each_isolated(rows, fail)


def test_a_person_of_an_unknown_time_zone_reads_the_time_of_the_installation(company: Company) -> None:
    Person.objects.filter(pk=company.uma.pk).update(time_zone="Mars/Olympus")
    company.uma.refresh_from_db()

    company.request_in("awaiting_acceptance")
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert lapse.lapse_overdue() == 1

    assert set(OutgoingMail.objects.values_list("message", flat=True)) == {"information", "request_lapsed"}


def test_who_was_reminded_already_is_not_locked_to_see_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_waiting(company)
    with time_machine.travel(timezone.now() + timedelta(days=29, hours=1)):
        assert reminders.remind_of_acceptance() == 2

        locked: list[object] = []
        request = locking.request
        monkeypatch.setattr(locking, "request", lambda pk: locked.append(pk) or request(pk))
        assert reminders.remind_of_acceptance() == 0
    assert locked == []


def test_reminders_are_left_to_the_sweep(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a batch order there are thousands: a mail for which somebody waits is not behind them."""
    two_waiting(company)
    published: list[object] = []
    monkeypatch.setattr(queue, "after_commit", lambda *row: published.append(row))
    with time_machine.travel(timezone.now() + timedelta(days=29, hours=1)):
        assert reminders.remind_of_acceptance() == 2
    assert published == []


# --- of jobs that clear away


def slips_at_the_first(monkeypatch: pytest.MonkeyPatch, holder: object, name: str, first: uuid.UUID) -> None:
    """What locks a row fails for one of them."""
    lock = getattr(holder, name)

    def slip(pk: uuid.UUID) -> object:
        if pk == first:
            raise LookupError("a slip of ours")
        return lock(pk)

    monkeypatch.setattr(holder, name, slip)


def test_a_role_that_cannot_be_ended_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    persons = [cast.person(name, roles=()) for name in ("ulf", "udo")]
    for each in persons:
        yesterday = timezone.localdate() - timedelta(days=1)
        RoleAssignment.objects.create(person=each, role=Role.AUDITOR, valid_until=yesterday)
    first = RoleAssignment.objects.ended(timezone.localdate())[0].person_id
    slips_at_the_first(monkeypatch, locking, "person", first)
    with pytest.raises(LookupError):
        roles.end_overdue()
    assert [row.person_id for row in RoleAssignment.objects.filter(role=Role.AUDITOR)] == [first]


def test_an_order_that_cannot_be_cancelled_keeps_no_other(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = timezone.now() - batch_orders.KEPT * 2
    for _ in range(2):
        BatchOrder.objects.create(asked_by=company.ada, source=BatchSource.FILE, total=0, asked_at=long_ago)
    first = BatchOrder.objects.forgotten(timezone.now())[0].pk
    slips_at_the_first(monkeypatch, locking, "batch_order", first)
    with pytest.raises(LookupError):
        batch_orders.forget_old()
    states = dict(BatchOrder.objects.values_list("pk", "state"))
    assert [pk for pk, state in states.items() if state != "cancelled"] == [first]


def test_an_import_that_cannot_be_dropped_keeps_no_other(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = timezone.now() - imports.KEPT * 2
    for _ in range(2):
        PersonImport.objects.create(asked_by=company.rita, asked_at=long_ago, file_name="a.csv", content=b"x")
    first = PersonImport.objects.forgotten(timezone.now())[0].pk
    slips_at_the_first(monkeypatch, locking, "person_import", first)
    with pytest.raises(LookupError):
        imports.forget_old()
    assert [row.pk for row in PersonImport.objects.exclude(content=None)] == [first]
