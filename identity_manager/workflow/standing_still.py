"""The time of a request stands still while nobody may go on with it: a leave of its person, or a stop.

Else it would lapse, or its approvers would be passed over, before anybody had a chance. One that was stopped
during a leave may get back more than it has lost, which hurts nobody.
"""

from datetime import datetime

from django.db.models import F
from django.utils import timezone

from identity_manager.models import RequestState, TokenRequest


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
