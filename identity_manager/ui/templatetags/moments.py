"""Template tags of both portals for moments and durations: when, age, validity.

Built in, so no template loads them; usage: templates/ui/README.md.
"""

from datetime import date, datetime, timedelta
from html import escape
from typing import Any

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString

from identity_manager.ui import dates
from identity_manager.ui.parts import (
    Meaning,
)

register = template.Library()

TIME_TO_RENEW = timedelta(days=60)  # before the end; the time of the first reminder


@register.simple_tag
def when(moment: datetime | date | None, otherwise: str = "–") -> str:
    """Write a time or a day in words, with the exact value as title."""
    if moment is None:
        return otherwise
    now = timezone.now()
    if isinstance(moment, datetime):
        title, said = dates.exact(moment), dates.words(moment, now=now)
    else:
        title, said = dates.long_date(moment), dates.day_words(moment, now=now)
    return _time(moment, title=title, said=said)


@register.simple_tag
def age(since: datetime) -> SafeString:
    """Write how long something has waited, with the exact time as title."""
    return _time(since, title=dates.exact(since), said=dates.age(since, now=timezone.now()))


def _time(moment: datetime | date, *, title: str, said: str) -> SafeString:
    words = f'title="{escape(title)}">{escape(said)}'
    return SafeString(f'<time datetime="{moment.isoformat()}" {words}</time>')


@register.filter
def is_past(moment: datetime) -> bool:
    """Whether the time has passed. The job that acts on it may run a little later."""
    return moment <= timezone.now()


@register.inclusion_tag("ui/validity.html")
def validity(begins: datetime, ends: datetime) -> dict[str, Any]:
    """Draw how much of a validity remains, as a bar with words; amber when it is time to renew."""
    remains = ends - timezone.now()
    over = remains <= timedelta()
    percent = 0 if over else min(round(100 * remains / (ends - begins)), 100)
    meaning = Meaning.WAITING if remains < TIME_TO_RENEW else Meaning.DONE
    return {"ends": ends, "over": over, "percent": percent, "meaning": meaning}
