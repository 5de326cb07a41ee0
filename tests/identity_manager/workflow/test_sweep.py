"""The sweep: a broker that lost every message loses nothing, and is not flooded."""

from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone

from identity_manager import outbox, queue
from identity_manager.models import Certificate
from identity_manager.workflow import revoke, step5_issue, step6_passphrase, step7_deliver, sweep
from tests.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]

VERBS = {
    step5_issue.ISSUE: lambda pk: step5_issue.issue(certificate_id=pk),
    step5_issue.SEAL: lambda pk: step6_passphrase.seal(token_id=pk),
    step5_issue.CLEAR_UP: lambda pk: step5_issue.clear_up(certificate_id=pk),
    revoke.REVOKE: lambda pk: revoke.carry_out(certificate_id=pk),
    outbox.SEND: lambda pk: step7_deliver.send(mail_id=pk),
}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, UUID]]:
    messages: list[tuple[str, UUID]] = []
    monkeypatch.setattr(queue, "publish", lambda task, pk: messages.append((task, pk)))
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


def test_a_row_is_nudged_once_a_minute(company: Company, published: list[tuple[str, UUID]]) -> None:
    company.request_in("issuing")
    certificate = Certificate.objects.get()
    nudge = (step5_issue.ISSUE, certificate.pk)

    for _turn in range(3):
        sweep.sweep()
    assert published.count(nudge) == 1

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        sweep.sweep()
    assert published.count(nudge) == 2


def test_what_somebody_has_is_left_alone_until_the_lease_runs_out(
    company: Company, published: list[tuple[str, UUID]]
) -> None:
    company.request_in("issuing")
    certificate = Certificate.objects.get()
    assert Certificate.objects.to_be_issued().claim(certificate.pk, now=timezone.now())

    sweep.sweep()
    assert (step5_issue.ISSUE, certificate.pk) not in published

    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        sweep.sweep()
    assert (step5_issue.ISSUE, certificate.pk) in published


def test_the_number_of_nudges_is_bounded(
    company: Company, published: list[tuple[str, UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "NUDGES_AT_ONCE", 3)
    for _turn in range(5):
        company.request_in("declined")

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert sweep.sweep() == 3, "five information mails are due"


def test_a_broker_that_is_down_is_no_error(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionRefusedError("no broker")

    monkeypatch.setattr("celery.app.task.Task.apply_async", unreachable)
    queue.publish(step5_issue.ISSUE, company.uma.pk)
    assert sweep.sweep() == 0
