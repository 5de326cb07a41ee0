"""A material change of the person between request and issuance: it stops the request, and an officer decides.

What was approved is what is issued (SPEC.md 1). So a request whose person is not who was approved waits:
nobody approves or accepts it, and it does not lapse. Where the data are as they were again, it goes on.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import RequestState, SoftwareToken, TokenRequest
from identity_manager.models.token_request import STOPPABLE
from identity_manager.workflow import locking, snapshot, standing_still, unforeseen

CLOCKS_DIFFER = timedelta(minutes=10)  # of two hosts, at the most
AT_ONCE = 200  # requests that are in memory together


def stops(request: TokenRequest, lines: Iterable[SoftwareToken]) -> bool:
    """Whether a change of the person stops the request; writes down the news. All is locked by the caller.

    A request that fails while it is issued is stopped by step 5.
    """
    changed = snapshot.differences(lines)
    if changed and request.stopped_at is None:
        _stop(request, fields=[difference.field for difference in changed])
    elif not changed and request.stopped_at is not None:
        standing_still.make_up(request, since=request.stopped_at)
        request.stopped_at = None
        request.save()
        audit.record(audit.Event.REQUEST_RESUMED, actor=None, subject=request)
    return bool(changed)


def _stop(request: TokenRequest, *, fields: list[str]) -> None:
    request.stopped_at = timezone.now()
    request.save()
    audit.record(audit.Event.REQUEST_STOPPED, actor=None, subject=request, fields=fields)


def notice(*, request_id: uuid.UUID) -> None:
    """Stop the request, or let it go on, as the person's data of this moment say."""
    with transaction.atomic():
        request = locking.request(request_id)
        if request.state in STOPPABLE:
            stops(request, locking.lines_of(request))


def notice_all() -> int:
    """Compare every request that waits for somebody with its person; returns how many are stopped."""
    _notice_among(TokenRequest.objects.all())
    return TokenRequest.objects.stopped().count()


def notice_of_person(*, person_id: uuid.UUID) -> None:
    """Compare what waits for this person, who has just been changed, with who they are now."""
    _notice_among(TokenRequest.objects.filter(person_id=person_id))


def _notice_among(requests: QuerySet[TokenRequest]) -> None:
    """Whose person was not written since the request was opened is as it was approved: nobody looks at it.

    After a batch order thousands of requests wait, for weeks.
    """
    waiting = requests.filter(state__in=(RequestState.REQUESTED, RequestState.AWAITING_ACCEPTANCE))
    written_since = waiting.filter(person__updated_at__gte=F("created_at") - CLOCKS_DIFFER, stopped_at=None)
    stopped = requests & TokenRequest.objects.stopped()
    news = [*_where_news_are(written_since), *_where_news_are(stopped)]
    unforeseen.one_by_one(news, lambda pk: notice(request_id=pk))


def _where_news_are(requests: QuerySet[TokenRequest]) -> Iterator[uuid.UUID]:
    rows = requests.order_by().select_related("person").prefetch_related("tokens")
    for request in rows.iterator(chunk_size=AT_ONCE):
        if bool(snapshot.differences(request.lines)) != (request.stopped_at is not None):
            yield request.pk
