"""The sweep: a broker that lost every message loses nothing, and is not flooded."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from identity_manager import queue, task_names
from identity_manager.audit import checks as audit_checks
from identity_manager.events import delivering, forwarding
from identity_manager.jobs import sweep
from identity_manager.models import Certificate
from identity_manager.models.lease import REQUEUE_INTERVAL
from identity_manager.workflow import step5_issue, step6_passphrase, step7_deliver
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_run
from identity_manager.workflow.issuance import retry
from identity_manager.workflow.people import directory_runs
from identity_manager.workflow.revocation import hold, revoke
from identity_manager.workflow.standing_orders import planning as standing_orders
from identity_manager.workflow.targets import serving
from tests.journeys import office
from tests.tools import one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]

VERBS = {
    task_names.ISSUE: one_step.issue,
    task_names.SEAL: lambda pk: step6_passphrase.seal(token_id=pk),
    task_names.RESOLVE_ORPHAN: lambda pk: step5_issue.resolve_orphaned_order(certificate_id=pk),
    task_names.HOLD: lambda pk: hold.hold_at_ca(certificate_id=pk),
    task_names.REVOKE: lambda pk: revoke.revoke_at_ca(certificate_id=pk),
    task_names.SEND_MAIL: lambda pk: step7_deliver.send(mail_id=pk),
    task_names.VERIFY_AUDIT_LOG: lambda pk: audit_checks.carry_out(check_id=pk),
    task_names.RUN_BATCH_ORDER: lambda pk: batch_run.run(order_id=pk),
    task_names.RUN_BATCH_SHARD: lambda pk: batch_shards.run(shard_id=pk),
    task_names.READ_DIRECTORY: lambda pk: directory_runs.run(source_id=pk),
    task_names.SERVE_TARGET: lambda pk: serving.serve(target_id=pk),
    task_names.PLAN_STANDING_ORDER: lambda pk: standing_orders.run(order_id=pk),
    task_names.FORWARD_LOG: lambda pk: forwarding.forward(sink_id=pk),
    task_names.DELIVER_WEBHOOKS: lambda pk: delivering.deliver(webhook_id=pk),
}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, UUID]]:
    messages: list[tuple[str, UUID]] = []
    monkeypatch.setattr(queue, "publish", lambda task, *ids: messages.extend((task, pk) for pk in ids))
    monkeypatch.setattr(queue, "length", lambda _name: 0)
    return messages


def test_every_kind_of_work_is_swept(company: Company, published: list[tuple[str, UUID]]) -> None:
    assert set(sweep.WORK) == set(VERBS)

    request = company.request_in("issuing")
    at = timezone.now()
    for _turn in range(6):  # no message ever arrived: the sweep alone brings the road to its end
        at += timedelta(seconds=61)
        with time_machine.travel(at):
            sweep.sweep()
            for task, pk in published:
                VERBS[task](pk)
            published.clear()

    request.refresh_from_db()
    assert request.state == "issued"
    assert request.tokens.get().delivery == "sent"


def test_what_is_asked_with_prepared_queries_is_what_is_due(company: Company) -> None:
    """Kinds of work whose rows depend on the settings or on outages are not among them."""
    company.request_in("issuing")
    now = timezone.now() + timedelta(seconds=61)
    asked = {"now": now, "quiet_since": now - REQUEUE_INTERVAL}
    found = {task: bool(one.rows(**asked)) for task, one in sweep._ANY.items()}
    assert found == {task: sweep.WORK[task]().to_be_requeued(now).exists() for task in found}
    assert found.keys() | sweep.NOT_PREPARED == sweep.WORK.keys()
    assert any(found.values())


def test_a_row_is_nudged_once_a_minute(company: Company, published: list[tuple[str, UUID]]) -> None:
    company.request_in("issuing")
    certificate = Certificate.objects.get()
    nudge = (task_names.ISSUE, certificate.pk)

    for _turn in range(3):
        sweep.sweep()
    assert published.count(nudge) == 1

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        sweep.sweep()
    assert published.count(nudge) == 2


@pytest.mark.parametrize(("state", "verb"), [("failed", retry.retry), ("issuing", retry.retry_now)])
def test_what_an_officer_has_tried_again_waits_for_no_minute(
    company: Company, published: list[tuple[str, UUID]], state: str, verb: Callable[..., object]
) -> None:
    request = company.request_in(state)
    certificate = Certificate.objects.get()
    Certificate.objects.filter(pk=certificate.pk).update(nudged_at=timezone.now())
    verb(actor=company.ada, request_id=request.pk)

    published.clear()
    sweep.sweep()
    assert (task_names.ISSUE, certificate.pk) in published


def test_what_somebody_has_is_left_alone_until_the_lease_runs_out(
    company: Company, published: list[tuple[str, UUID]]
) -> None:
    company.request_in("issuing")
    certificate = Certificate.objects.get()
    assert Certificate.objects.to_be_issued().claim(certificate.pk, now=timezone.now())

    sweep.sweep()
    assert (task_names.ISSUE, certificate.pk) not in published

    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        sweep.sweep()
    assert (task_names.ISSUE, certificate.pk) in published


def test_the_number_of_nudges_is_bounded(
    company: Company, published: list[tuple[str, UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _turn in range(5):
        company.request_in("declined")

    monkeypatch.setattr(sweep, "QUEUE_LIMIT", 19)
    monkeypatch.setattr(queue, "length", lambda name: {"mail": 2}.get(name, 19))
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert sweep.sweep() == 3, "five information mails are due, and two messages of eight wait"
        assert sweep.sweep() == 2, "the others; the first three were nudged just now"


def test_a_message_names_several_mails(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for _turn in range(5):
        company.request_in("declined")
    messages: list[tuple[object, ...]] = []
    monkeypatch.setattr(queue, "publish", lambda *message: messages.append(message))
    monkeypatch.setattr(queue, "length", lambda _name: 0)
    monkeypatch.setitem(queue.TOGETHER, task_names.SEND_MAIL, 3)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert sweep.sweep() == 5
    assert [(task, len(ids)) for task, *ids in messages] == [
        (task_names.SEND_MAIL, 3),
        (task_names.SEND_MAIL, 2),
    ]


def test_revocations_are_not_kept_waiting_by_orders(
    company: Company, published: list[tuple[str, UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor orders by revocations: each kind gets its part of the room."""
    urgent, waiting = [uuid4() for _ in range(9)], [uuid4() for _ in range(9)]
    many = {task_names.REVOKE: urgent, task_names.ISSUE: waiting}

    def nudge(task: str, _rows: object, *, limit: int) -> int:
        taken = many.get(task, [])[:limit]
        published.extend((task, pk) for pk in taken)
        return len(taken)

    monkeypatch.setattr(sweep, "_has_work", many.__contains__)
    monkeypatch.setattr(sweep, "_requeue", nudge)
    monkeypatch.setattr(sweep, "QUEUE_LIMIT", 8)
    sweep.sweep()
    assert [task for task, _pk in published] == [task_names.REVOKE] * 4 + [task_names.ISSUE] * 4


def test_while_the_broker_is_away_nothing_counts_as_nudged(
    company: Company, published: list[tuple[str, UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    with monkeypatch.context() as away:
        away.setattr(queue, "length", lambda _name: None)
        assert sweep.sweep() == 0
    assert not Certificate.objects.exclude(nudged_at=None).exists()
    assert sweep.sweep() > 0, "at once when it is back"


def test_where_nothing_is_due_the_broker_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an idle worker would open a connection to it for each queue, every five seconds."""
    asked: list[str] = []
    monkeypatch.setattr(queue, "length", lambda name: asked.append(name) or 0)
    with CaptureQueriesContext(connection) as statements:
        assert sweep.sweep() == 0
    assert asked == []
    assert all(each["sql"].startswith("SELECT") for each in statements)


def test_the_broker_is_asked_how_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert queue.name_of(task_names.SEND_MAIL) == "mail"
    assert queue.name_of(task_names.ISSUE) == "ca"
    with office.worker(at_once=True):
        assert queue.length("ca") == 0
    monkeypatch.setattr("celery.app.base.Celery.connection_for_write", unreachable)
    assert queue.length("ca") is None


def unreachable(*args: object, **kwargs: object) -> None:
    raise ConnectionRefusedError("no broker")


def test_a_broker_that_is_down_is_no_error(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("celery.app.base.Celery.connection_for_write", unreachable)
    monkeypatch.setattr("celery.app.task.Task.apply_async", unreachable)
    queue.publish(task_names.ISSUE, company.uma.pk)
    assert sweep.sweep() == 0
