"""Dates in words: relative when near, absolute when far; the exact form is in a title.

All functions take aware datetimes and use the active language and time zone.
"""

from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from django.utils import formats, timezone
from django.utils.translation import get_language, gettext, ngettext, pgettext

MINUTE = 60
HOUR = 60 * MINUTE
NEAR_DAYS = 13


def words(moment: datetime, *, now: datetime) -> str:
    """Return "in 5 minutes", "today 14:05", "6 days ago", or the date when it is two weeks away."""
    language = get_language()
    seconds = round((moment - now).total_seconds())
    if abs(seconds) < HOUR:
        return _minutes(abs(seconds) // MINUTE, seconds > 0, language)
    zone = timezone.get_current_timezone()
    here = moment.astimezone(zone)
    days = (here.date() - now.astimezone(zone).date()).days
    if abs(days) <= 1:
        return _near(days, here.time().replace(second=0, microsecond=0), language)
    return _days(days, language) or _long_date(here.date(), language)


def day_words(day: date, *, now: datetime) -> str:
    """Return "today", "tomorrow", "in 6 days", or the date when it is two weeks away."""
    days = (day - timezone.localtime(now).date()).days
    language = get_language()
    return _near_day(days) if abs(days) <= 1 else _days(days, language) or _long_date(day, language)


def exact(moment: datetime) -> str:
    """Return day, date, time and time zone."""
    return _exact(moment, timezone.get_current_timezone(), get_language())


# Cached here and below: lists repeat few values.
@lru_cache(maxsize=4096)
def _exact(moment: datetime, zone: tzinfo, _language: str | None) -> str:
    here = moment.astimezone(zone)
    said = formats.date_format(here.replace(tzinfo=None), pgettext("date and time format", "l, j F Y, H:i:s"))
    return f"{said} {here.tzname()}"


def clock(moment: datetime | time) -> str:
    """Return the time of day."""
    return formats.time_format(moment, pgettext("time format", "H:i"))


def long_date(day: date) -> str:
    """Return the date with its month in full."""
    return _long_date(day, get_language())


@lru_cache(maxsize=4096)
def _long_date(day: date, _language: str | None) -> str:
    return formats.date_format(day, pgettext("date format", "j F Y"))


def age(since: datetime, *, now: datetime) -> str:
    """Return how long something has waited: "3 hours", "2 days", "less than a minute"."""
    waited = max(now - since, timedelta())
    hours, minutes = divmod(waited.seconds // MINUTE, 60)
    return _age(
        waited.days, 0 if waited.days else hours, 0 if waited.days or hours else minutes, get_language()
    )


@lru_cache(maxsize=1024)
def _age(days: int, hours: int, minutes: int, _language: str | None) -> str:
    if days:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if hours:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if not minutes:
        return gettext("less than a minute")
    return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}


@lru_cache(maxsize=256)
def _minutes(minutes: int, will_be: bool, _language: str | None) -> str:  # noqa: FBT001 of one place
    if minutes == 0:
        return gettext("in a moment") if will_be else gettext("just now")
    if not will_be:
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    return ngettext("in %(count)d minute", "in %(count)d minutes", minutes) % {"count": minutes}


@lru_cache(maxsize=4096)
def _near(days: int, at: time, _language: str | None) -> str:
    return gettext("%(day)s %(time)s") % {"day": _near_day(days), "time": clock(at)}


def _near_day(days: int) -> str:
    return {-1: gettext("yesterday"), 0: gettext("today"), 1: gettext("tomorrow")}[days]


@lru_cache(maxsize=256)
def _days(days: int, _language: str | None) -> str:
    """Empty where the date says it better."""
    count = abs(days)
    if count > NEAR_DAYS:
        return ""
    if days < 0:
        return ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}
    return ngettext("in %(count)d day", "in %(count)d days", count) % {"count": count}
