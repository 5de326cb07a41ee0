"""Pace of batch orders: at most so many lines an hour, at which time of day, and the end (ETA)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchLine, BatchOrder
from identity_manager.transactions.refusals import Reason

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HALF_A_WINDOW = Reason(
    "half-a-window", _("Give both the beginning and the end of the time of day, or neither.")
)
EMPTY_WINDOW = Reason("empty-window", _("The time of day ends when it begins."))


@dataclass(frozen=True)
class Pacing:
    """rate: lines an hour, None for as many as can be. begins, ends: the time of day, over midnight too."""

    rate: int | None = None
    begins: time | None = None
    ends: time | None = None

    @property
    def columns(self) -> tuple[int | None, time | None, time | None]:
        return self.rate, self.begins, self.ends

    @property
    def obstacle(self) -> Reason | None:
        """Why the time window makes no sense, or None."""
        if (self.begins is None) != (self.ends is None):
            return HALF_A_WINDOW
        return EMPTY_WINDOW if self.begins is not None and self.begins == self.ends else None


AT_ONCE = Pacing()


def pacing_of(order: BatchOrder) -> Pacing:
    return Pacing(order.rate, order.window_from, order.window_to)


@dataclass(frozen=True)
class Allowance:
    """How many lines may be done now (None: any number); where none, when the next one may."""

    number: int | None
    next_at: datetime | None = None


def allowance(order: BatchOrder, *, now: datetime) -> Allowance:
    """Number of lines that the order's time of day and its rate allow now."""
    pacing = pacing_of(order)
    opens = opens_at(pacing, now)
    if opens > now:
        return Allowance(0, opens)
    if pacing.rate is None:
        return Allowance(None)
    latest = BatchLine.objects.filter(order=order, settled_at__gt=now - HOUR).order_by("-settled_at")
    settled = list(latest.values_list("settled_at", flat=True)[: pacing.rate])
    if len(settled) < pacing.rate:
        return Allowance(pacing.rate - len(settled))
    return Allowance(0, (settled[-1] or now) + HOUR)


def opens_at(pacing: Pacing, now: datetime) -> datetime:
    """The moment from which on it may run: now, or the next beginning of the time of day."""
    if pacing.begins is None or pacing.ends is None:
        return now
    here = timezone.localtime(now, timezone.get_default_timezone())
    clock = here.time().replace(tzinfo=None)
    if _is_open(pacing.begins, pacing.ends, clock):
        return now
    day = here.date() if clock < pacing.begins else here.date() + DAY
    return timezone.make_aware(datetime.combine(day, pacing.begins), timezone.get_default_timezone())


def eta(order: BatchOrder, *, done: int, left: int, now: datetime) -> datetime | None:
    """Estimated end at the pace so far, or at the order's rate; None where neither tells yet."""
    if not left or order.running_since is None:
        return None
    pacing = pacing_of(order)
    share = _open_share(pacing)
    elapsed = (now - order.running_since).total_seconds() * share
    measured = (done - order.done_before) / elapsed if elapsed > 0 else 0.0
    allowed = pacing.rate / HOUR.total_seconds() if pacing.rate else None
    speed = min(measured or allowed or 0.0, allowed) if allowed else measured
    if not speed:
        return None
    return opens_at(pacing, now) + timedelta(seconds=left / speed / share)


def _is_open(begins: time, ends: time, clock: time) -> bool:
    if begins < ends:
        return begins <= clock < ends
    return clock >= begins or clock < ends


def _open_share(pacing: Pacing) -> float:
    """Part of a day in which the order may run, from 0 to 1."""
    if pacing.begins is None or pacing.ends is None:
        return 1.0
    begins, ends = (timedelta(hours=each.hour, minutes=each.minute) for each in (pacing.begins, pacing.ends))
    return ((ends - begins) % DAY) / DAY
