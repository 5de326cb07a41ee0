"""Suspend a request whose person is not who was approved any more, and resume it (change_detection.py).

A suspension, and a leave of the person, give back the time that the request has lost: else it would lapse, or
its approvers would be passed over, before anybody had a chance. One that was suspended during a leave may get
back more than it has lost, which hurts nobody.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import RequestState, SoftwareToken, TokenRequest
from identity_manager.workflow import snapshot


def stops(request: TokenRequest, lines: Iterable[SoftwareToken]) -> bool:
    """Whether a change of the person stops the request; writes down the news. All is locked by the caller.

    A request that fails while it is issued is stopped by step 5.
    """
    changed = snapshot.differences(lines)
    if changed and request.stopped_at is None:
        _stop(request, fields=[difference.field for difference in changed])
    elif not changed and request.stopped_at is not None:
        make_up(request, since=request.stopped_at)
        request.stopped_at = None
        request.save()
        audit.record(audit.Event.REQUEST_RESUMED, actor=None, subject=request)
    return bool(changed)


def _stop(request: TokenRequest, *, fields: list[str]) -> None:
    request.stopped_at = timezone.now()
    request.save()
    audit.record(audit.Event.REQUEST_STOPPED, actor=None, subject=request, fields=fields)


def make_up(request: TokenRequest, *, since: datetime) -> None:
    """Give a locked request the time back that it has lost since then, in the caller's transaction.

    The person's time to accept the terms, and that after which approvers are reminded and others are asked.
    """
    now = timezone.now()
    lost = now - since
    if request.state == RequestState.AWAITING_ACCEPTANCE and request.accept_before is not None:
        request.accept_before += lost
        request.save()
    asked = request.asked_approvers.filter(round=request.round)
    asked.filter(waits_from__gt=since).update(waits_from=now)  # came back meanwhile: it waits from now on
    asked.filter(waits_from__lte=since).update(waits_from=F("waits_from") + lost)
