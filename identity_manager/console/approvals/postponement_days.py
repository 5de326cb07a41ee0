"""The mornings to which a decision is postponed with one click."""

from datetime import datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

TOMORROW, MONDAY, IN_A_WEEK = "tomorrow", "monday", "week"
CHOICES = [(TOMORROW, _("Tomorrow")), (MONDAY, _("Monday")), (IN_A_WEEK, _("In a week"))]
MORNING = time(8)
A_WEEK = 7


def moment_of(when: str, now: datetime) -> datetime:
    """The morning of that choice in the present time zone: the next Monday is never today."""
    today = timezone.localdate(now)
    days = {TOMORROW: 1, MONDAY: A_WEEK - today.weekday(), IN_A_WEEK: A_WEEK}[when]
    return timezone.make_aware(datetime.combine(today + timedelta(days=days), MORNING))
