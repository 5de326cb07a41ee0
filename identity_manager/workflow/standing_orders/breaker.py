"""Breaker of standing orders: an emptied group, or too many changes at once, needs two officers.

Changes are counted over 24 hours, so that many small ones count as a large one. What two officers released is
added to the limits for a day.
"""

from django.conf import settings
from django.utils import timezone

from identity_manager.models import StandingMember, StandingOrder
from identity_manager.people.breaker import WINDOW, Stop
from identity_manager.workflow.batch.breaker import ALWAYS_LET_THROUGH


def stop(order: StandingOrder, figures: dict[str, int]) -> Stop | None:
    """Reason why two officers have to agree to so many changes, or None."""
    since = timezone.now() - WINDOW
    fresh = order.decided_at is not None and order.decided_at > since
    may_gain, may_lose = (order.may_gain, order.may_lose) if fresh else (0, 0)
    rows = StandingMember.objects.filter(order=order)
    left = rows.filter(until__gt=since).count()
    present, lose = figures["present"], figures["lose"]
    if present and not figures["members"] and left + lose > may_lose:
        return Stop("standing-order-emptied", {"name": order.who, "number": present})
    percent = settings.BREAKER_LEAVING_PERCENT
    share = (present + left) * percent // 100
    if lose and left + lose > max(ALWAYS_LET_THROUGH, min(share, settings.BREAKER_PERSONS)) + may_lose:
        facts = {"number": left + lose, "all": present + left, "percent": percent}
        return Stop("standing-order-leaving", facts)
    gained = rows.filter(since__gt=since).exclude(gain=None).count()
    most = settings.BREAKER_PERSONS
    if figures["gain"] and gained + figures["gain"] > most + may_gain:
        return Stop("standing-order-joining", {"number": gained + figures["gain"], "most": most})
    return None
