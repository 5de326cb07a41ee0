"""**Try now**: what waits for its next attempt is due at once, but for what waits until somebody is back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from identity_manager import queue, task_names
from identity_manager.models import Certificate, TokenRequest
from identity_manager.transactions.refusals import NotAllowed, Stale
from identity_manager.workflow.issuance import retry
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.policy import eligibility
from tests.tools.cast import Company
from tests.tools.contents import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_that_waits(company: Company) -> TokenRequest:
    request = company.request_in("issuing")
    later = timezone.now() + timedelta(hours=1)
    Certificate.objects.update(last_error="The CA is away.", next_attempt_at=later, nudged_at=timezone.now())
    return request


def test_an_administrator_has_it_tried_now(company: Company, request_that_waits: TokenRequest) -> None:
    with pytest.raises(NotAllowed):
        retry.retry_now(actor=company.rita, request_id=request_that_waits.pk)
    assert Certificate.objects.get().next_attempt_at > timezone.now()

    retry.retry_now(actor=company.ada, request_id=request_that_waits.pk)
    row = Certificate.objects.get()
    assert row.next_attempt_at <= timezone.now()
    assert row.nudged_at is None
    assert recorded("request")[-1] == ("retried", "Ada")


def test_what_failed_is_ordered_again_at_once(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    request = company.request_in("failed")
    sent: list[tuple[str, object]] = []
    monkeypatch.setattr(queue, "after_commit", lambda task, pk: sent.append((task, pk)))
    retry.retry(actor=company.ada, request_id=request.pk)
    assert (task_names.ISSUE, Certificate.objects.get().pk) in sent


def test_not_while_its_person_is_on_leave(company: Company, request_that_waits: TokenRequest) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="away")
    with pytest.raises(Stale) as refused:
        retry.retry_now(actor=company.ada, request_id=request_that_waits.pk)
    assert refused.value.reason == eligibility.ON_LEAVE
    assert Certificate.objects.get().next_attempt_at > timezone.now()
