"""Dates in words: near ones as one says them, far ones as one writes them, always exact on demand.

All functions take aware datetimes and speak the language and time zone that are active.
"""

from datetime import date, datetime, timedelta
from functools import lru_cache

from django.utils import formats, timezone
from django.utils.translation import get_language, gettext, ngettext, pgettext

MINUTE = 60
HOUR = 60 * MINUTE
NEAR_DAYS = 13


def words(moment: datetime, *, now: datetime) -> str:
    """Return "in 5 minutes", "today 14:05", "6 days ago", or the date when it is two weeks away."""
    seconds = round((moment - now).total_seconds())
    if abs(seconds) < HOUR:
        return _minutes(seconds)
    here = timezone.localtime(moment)
    days = (here.date() - timezone.localtime(now).date()).days
    if abs(days) <= 1:
        return gettext("%(day)s %(time)s") % {"day": _near_day(days), "time": clock(here)}
    return _days(days, here.date())


def day_words(day: date, *, now: datetime) -> str:
    """Return "today", "tomorrow", "in 6 days", or the date when it is two weeks away."""
    days = (day - timezone.localtime(now).date()).days
    return _near_day(days) if abs(days) <= 1 else _days(days, day)


def exact(moment: datetime) -> str:
    """Return day, date, time and time zone."""
    here = timezone.localtime(moment)
    return f"{_written(here.replace(tzinfo=None), get_language())} {here.tzname()}"


@lru_cache(maxsize=4096)  # a list says the same few over and over, to everybody who opens it
def _written(here: datetime, _language: str | None) -> str:
    return formats.date_format(here, pgettext("date and time format", "l, j F Y, H:i:s"))


def clock(moment: datetime) -> str:
    """Return the time of day."""
    return formats.date_format(moment, pgettext("time format", "H:i"))


def long_date(day: date) -> str:
    """Return the date with its month in full."""
    return _long_date(day, get_language())


@lru_cache(maxsize=4096)
def _long_date(day: date, _language: str | None) -> str:
    return formats.date_format(day, pgettext("date format", "j F Y"))


def age(since: datetime, *, now: datetime) -> str:
    """Return how long something has waited: "3 hours", "2 days"."""
    waited = max(now - since, timedelta())
    if waited >= timedelta(days=1):
        return ngettext("%(count)d day", "%(count)d days", waited.days) % {"count": waited.days}
    hours, minutes = divmod(waited.seconds // MINUTE, 60)
    if hours:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


def _minutes(seconds: int) -> str:
    minutes = abs(seconds) // MINUTE
    if minutes == 0:
        return gettext("just now") if seconds <= 0 else gettext("in a moment")
    if seconds < 0:
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    return ngettext("in %(count)d minute", "in %(count)d minutes", minutes) % {"count": minutes}


def _near_day(days: int) -> str:
    return {-1: gettext("yesterday"), 0: gettext("today"), 1: gettext("tomorrow")}[days]


def _days(days: int, day: date) -> str:
    count = abs(days)
    if count > NEAR_DAYS:
        return long_date(day)
    if days < 0:
        return ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}
    return ngettext("in %(count)d day", "in %(count)d days", count) % {"count": count}
