"""A material change of the person between request and issuance: it stops the request, and an officer decides.

What was approved is what is issued (SPEC.md 1). So a request whose person is not who was approved waits:
nobody approves or accepts it, and it does not lapse. Where the data are as they were again, it goes on.
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from identity_manager.models import RequestState, TokenRequest
from identity_manager.models.requests.states import STOPPABLE
from identity_manager.models.requests.token_request import TokenRequestQuerySet
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow import snapshot, step3_invite
from identity_manager.workflow.requests import approver_escalation, suspension

CLOCKS_DIFFER = timedelta(minutes=10)  # of two hosts, at the most
AT_ONCE = 200  # requests that are in memory together


def notice(*, request_id: uuid.UUID) -> None:
    """Stop the request, or let it go on, as the person's data of this moment say."""
    with transaction.atomic():
        request = locking.request(request_id)
        if request.state in STOPPABLE:
            _compare(request)


def _compare(request: TokenRequest) -> None:
    """Types may have been taken out while it was stopped, so that it has the approvals that are left to give.

    Then it goes on by itself: who has approved cannot do it again. Not while the person is on leave; it
    stays as it is until they are back.
    """
    is_approved = request.state == RequestState.REQUESTED and not approver_escalation.still_needed(request)
    if is_approved and not request.person.is_active:
        return
    if not suspension.stops(request, locking.lines_of(request)) and is_approved:
        step3_invite.conclude(request, actor=None)


def notice_all() -> int:
    """Compare every request that waits for somebody with its person; returns how many are stopped."""
    _notice_among(TokenRequest.objects.all())
    return TokenRequest.objects.stopped().count()


def notice_of_person(*, person_id: uuid.UUID) -> None:
    """Compare what waits for this person, who has just been changed, with who they are now."""
    _notice_among(TokenRequest.objects.filter(person_id=person_id))


def _notice_among(requests: TokenRequestQuerySet) -> None:
    """Whose person was not written since the request was opened is as it was approved: nobody looks at it.

    After a batch order thousands of requests wait, for weeks.
    """
    waiting = requests.filter(state__in=(RequestState.REQUESTED, RequestState.AWAITING_ACCEPTANCE))
    written_since = waiting.filter(person__updated_at__gte=F("created_at") - CLOCKS_DIFFER, stopped_at=None)
    stopped = requests & TokenRequest.objects.stopped()
    news = [*_where_news_are(written_since), *_where_news_are(stopped)]
    news += requests.with_all_approvals().values_list("pk", flat=True)
    retry_later.for_each_isolated(news, lambda pk: notice(request_id=pk))


def _where_news_are(requests: QuerySet[TokenRequest]) -> Iterator[uuid.UUID]:
    rows = requests.order_by().select_related("person").prefetch_related("tokens")
    for request in rows.iterator(chunk_size=AT_ONCE):
        if bool(snapshot.differences(request.lines)) != (request.stopped_at is not None):
            yield request.pk
