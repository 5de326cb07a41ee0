"""Suspension of requests: stop one on a material change of its person, and resume it.

Only approved content is issued. A request whose person has changed waits for an officer: it cannot be
approved or accepted, and does not lapse. If the change is undone, it resumes by itself. `resubmission` starts
it again with the new data.

Suspension and leave extend the request's deadlines by the lost time; else it would lapse or escalate before
anybody could act. A suspension during a leave may extend them twice, which is harmless.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import RequestState, SoftwareToken, TokenRequest
from identity_manager.models.requests.states import STOPPABLE
from identity_manager.models.requests.token_request import TokenRequestQuerySet
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow import snapshot, step3_invite
from identity_manager.workflow.requests import approver_escalation

CLOCKS_DIFFER = timedelta(minutes=10)  # of two hosts, at the most
AT_ONCE = 200  # requests that are in memory together


# --- One request that the caller has locked ----------------------------------------------------------
def suspends(request: TokenRequest, lines: Iterable[SoftwareToken]) -> bool:
    """Suspend or resume the locked request by its person's present data; return whether it is suspended."""
    changed = snapshot.differences(lines)
    if changed and request.stopped_at is None:
        _suspend(request, fields=[difference.field for difference in changed])
    elif not changed and request.stopped_at is not None:
        _resume(request, since=request.stopped_at)
    return bool(changed)


def _suspend(request: TokenRequest, *, fields: list[str]) -> None:
    request.suspend(now=timezone.now())
    request.save()
    audit.record(audit.Event.REQUEST_STOPPED, actor=None, subject=request, fields=fields)


def _resume(request: TokenRequest, *, since: datetime) -> None:
    extend_deadlines(request, since=since)
    request.resume()
    request.save()
    audit.record(audit.Event.REQUEST_RESUMED, actor=None, subject=request)


def extend_deadlines(request: TokenRequest, *, since: datetime) -> None:
    """Extend a locked request's deadlines by the time since then, in the caller's transaction.

    Those of acceptance, and of reminders and escalation to approvers.
    """
    now = timezone.now()
    lost = now - since
    if request.state == RequestState.AWAITING_ACCEPTANCE and request.accept_before is not None:
        request.accept_before += lost
        request.save()
    asked = request.asked_approvers.filter(round=request.round)
    asked.filter(waits_from__gt=since).update(waits_from=now)  # asked meanwhile: its period begins now
    asked.filter(waits_from__lte=since).update(waits_from=F("waits_from") + lost)


# --- Look for changes ------------------------------------------------------------------------------
def check(*, request_id: uuid.UUID) -> None:
    """Suspend or resume one request by its person's present data, in its own transaction."""
    with transaction.atomic():
        request = locking.request(request_id)
        if request.state in STOPPABLE:
            _check(request)


def _check(request: TokenRequest) -> None:
    """Suspend or resume a locked request; invite its person if it has all approvals by now.

    Types may have been taken out while it was suspended, and who has approved cannot approve again. During a
    leave it stays as it is.
    """
    approvers_decide = request.state == RequestState.REQUESTED and not request.is_recovery
    is_approved = approvers_decide and not approver_escalation.still_needed(request)
    if is_approved and not request.person.is_active:
        return
    if not suspends(request, locking.lines_of(request)) and is_approved:
        step3_invite.conclude(request, actor=None)


def check_all() -> int:
    """Job: compare every request that can be stopped with its person; return how many are suspended."""
    _check_among(TokenRequest.objects.all())
    return TokenRequest.objects.stopped().count()


def check_requests_of(*, person_id: uuid.UUID) -> None:
    """Compare the requests of a person who was just changed with their present data."""
    _check_among(TokenRequest.objects.filter(person_id=person_id))


def _check_among(requests: TokenRequestQuerySet) -> None:
    """Check the requests whose person was updated after they were opened; no other can differ.

    After a batch order thousands of requests wait, for weeks.
    """
    stoppable = requests.filter(state__in=STOPPABLE)
    written_since = stoppable.filter(person__updated_at__gte=F("created_at") - CLOCKS_DIFFER, stopped_at=None)
    suspended = requests & TokenRequest.objects.stopped()
    news = [*_to_be_checked(written_since), *_to_be_checked(suspended)]
    news += requests.with_all_approvals().values_list("pk", flat=True)
    retry_later.for_each_isolated(news, lambda pk: check(request_id=pk))


def _to_be_checked(requests: QuerySet[TokenRequest]) -> Iterator[uuid.UUID]:
    rows = requests.order_by().select_related("person").prefetch_related("tokens")
    for request in rows.iterator(chunk_size=AT_ONCE):
        if bool(snapshot.differences(request.lines)) != (request.stopped_at is not None):
            yield request.pk
