"""**Renewals**: chart of tokens by week of expiry, whose bars link to searches, and figures of renewal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncWeek
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import ngettext

from identity_manager.console.access import renewals
from identity_manager.console.forms.fields import OPEN
from identity_manager.console.renewal.forms import LeaveTokenForm
from identity_manager.console.search.forms import NOT_NEEDED, RENEWAL_ASKED
from identity_manager.console.start import figures
from identity_manager.console.start.figures import Figure, Label
from identity_manager.models import (
    HolderChange,
    Person,
    RenewalNotice,
    RequestKind,
    RequestState,
    SoftwareToken,
    TokenState,
    TokenType,
)
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.models.requests.token_queries import first_end
from identity_manager.ui.parts import Meaning
from identity_manager.workflow import snapshot
from identity_manager.workflow.renewal import holder_changes

WEEKS = 26
LATE_DAYS = 7  # the mails are daily from then on
LATELY_DAYS = 90
ANSWERS_SHOWN = 25
HEIGHT = 160  # of the tallest bar, in units of the drawing
STEP, WIDTH = 24, 18  # from bar to bar; of one bar
COLOURS = 6  # classes of chart.css; further types repeat them


@dataclass(frozen=True)
class WeekBarPart:
    """Tokens of one type that end in one week: a part of its bar. y, height: units of the drawing."""

    type_name: str
    number: int
    url: str
    y: float
    height: float
    colour: int


@dataclass(frozen=True)
class Week:
    """One bar. x: units of the drawing."""

    begins: date
    x: int
    parts: Sequence[WeekBarPart]

    @property
    def number(self) -> int:
        return sum(part.number for part in self.parts)

    @property
    def url(self) -> str:
        return _search(self.begins)


def context(actor: Person) -> dict[str, Any]:
    """The chart, its legend, and the figures that are not zero, for the tokens that the officer may see."""
    reach, now = renewals.within_reach(actor), timezone.now()
    weeks = _weeks(reach, now)
    return {
        "tab": "start",
        "weeks": weeks,
        "weeks_with_ends": [week for week in weeks if week.parts],
        "ends": sum(week.number for week in weeks),
        "legend": dict.fromkeys((part.type_name, part.colour) for week in weeks for part in week.parts),
        "width": STEP * WEEKS,
        "height": HEIGHT,
        "bar": WIDTH,
        "figures": [figure for figure in _figures(actor, now) if figure.number],
        "answers": _answers(reach),
    }


def seen(change: HolderChange) -> dict[str, str]:
    """The hidden values by which a form identifies the change that its page shows."""
    return {"changes_hash": snapshot.fingerprint(holder_changes.differences_of(change))}


def change_context(change: HolderChange, form: LeaveTokenForm) -> dict[str, Any]:
    """Context of a holder change: old beside new, and the two answers; neither once it is answered."""
    is_open = HolderChange.objects.unanswered().filter(pk=change.pk).exists()
    in_force = TokenType.objects.active().filter(code=change.token.type_code).first()
    types = f"?{urlencode({'types': str(in_force.pk)})}" if in_force else ""
    return {
        "tab": "open_tasks",
        "change": change,
        "changes": holder_changes.differences_of(change),
        "obstacle": None if is_open else holder_changes.ANSWERED,
        "renew_url": reverse("console:enable", args=[change.person_id]) + types,
        "form": form,
    }


def _answers(reach: Q) -> QuerySet[RenewalNotice]:
    """The last tokens that are not needed any longer, and why."""
    tokens = SoftwareToken.objects.filter(reach, state=TokenState.ACTIVE)
    rows = RenewalNotice.objects.not_needed().filter(token__in=tokens)
    return rows.select_related("token__token_type", "person").order_by("-not_needed_at")[:ANSWERS_SHOWN]


def _weeks(reach: Q, now: datetime) -> list[Week]:
    monday = timezone.localdate(now) - timedelta(days=timezone.localdate(now).weekday())
    begins = [monday + timedelta(weeks=number) for number in range(WEEKS)]
    counted = _counted(reach, now, until=begins[-1] + timedelta(weeks=1))
    tallest = max((sum(counted.get(day, {}).values()) for day in begins), default=0) or 1
    names = {each.code: str(each) for each in offered_types()}
    codes = sorted({code for parts in counted.values() for code in parts})
    return [
        Week(day, STEP * place, list(_parts(day, counted.get(day, {}), names, codes, HEIGHT / tallest)))
        for place, day in enumerate(begins)
    ]


def _counted(reach: Q, now: datetime, *, until: date) -> dict[date, dict[str, int]]:
    """How many tokens of each type end in each week, by its Monday."""
    rows = SoftwareToken.objects.filter(reach, state=TokenState.ACTIVE).annotate(ends_at=first_end())
    rows = rows.filter(ends_at__gte=now, ends_at__date__lt=until).annotate(week=TruncWeek("ends_at"))
    found: dict[date, dict[str, int]] = {}
    counted = rows.values("week", "type_code").order_by().annotate(number=Count("pk"))
    for week, code, number in counted.values_list("week", "type_code", "number"):
        found.setdefault(week.date(), {})[code] = number
    return found


def _parts(
    day: date, counted: dict[str, int], names: dict[str, str], codes: list[str], scale: float
) -> Iterator[WeekBarPart]:
    """From the bottom up, each type in the same order in each bar."""
    bottom = float(HEIGHT)
    for place, code in enumerate(codes):
        if number := counted.get(code, 0):
            height = number * scale
            bottom -= height
            yield WeekBarPart(
                names.get(code, code), number, _search(day, code), bottom, height, place % COLOURS
            )


def _search(monday: date, code: str = "") -> str:
    """The search for the certificates of that week."""
    asked = {
        "kind": "certificate",
        "token_type": code,
        "expires_from": monday.isoformat(),
        "expires_before": (monday + timedelta(weeks=1)).isoformat(),
    }
    return f"{reverse('console:search')}?{urlencode({name: value for name, value in asked.items() if value})}"


def _figures(actor: Person, now: datetime) -> list[Figure]:
    """Each leads to a list of what it counts."""
    late = timezone.localdate(now) + timedelta(days=LATE_DAYS)
    shown = [
        _certificates(actor, _asked, Meaning.WAITING, renewal=RENEWAL_ASKED),
        _certificates(actor, _late, Meaning.STOPPED, renewal=RENEWAL_ASKED, expires_before=late.isoformat()),
        _certificates(actor, _not_needed, Meaning.INFORMATION, renewal=NOT_NEEDED),
        *_renewals(actor, now),
    ]
    figures.count(shown)
    return shown


def _certificates(actor: Person, label: Label, meaning: Meaning, **asked: str) -> Figure:
    return figures.found(actor, label, meaning, kind="certificate", **asked)


def _renewals(actor: Person, now: datetime) -> Iterator[Figure]:
    since = (timezone.localdate(now) - timedelta(days=LATELY_DAYS)).isoformat()
    renewals = {"kind": "request", "request_kind": RequestKind.RENEWAL.value}
    yield figures.found(actor, _renewing, Meaning.INFORMATION, state=OPEN, **renewals)
    for state, label, meaning in (
        (RequestState.COMPLETED, _renewed, Meaning.DONE),
        (RequestState.REJECTED, _rejected, Meaning.INFORMATION),
        (RequestState.DECLINED, _declined, Meaning.INFORMATION),
        (RequestState.LAPSED, _lapsed, Meaning.INFORMATION),
    ):
        yield figures.found(actor, label, meaning, state=state.value, ended_from=since, **renewals)


def _asked(number: int) -> str:
    return ngettext(
        "certificate ends, and its person is asked and has not answered",
        "certificates end, and their persons are asked and have not answered",
        number,
    )


def _late(number: int) -> str:
    return ngettext("of these ends within a week", "of these end within a week", number)


def _not_needed(number: int) -> str:
    return ngettext(
        "certificate is not needed any longer, as its person says",
        "certificates are not needed any longer, as their persons say",
        number,
    )


def _renewing(number: int) -> str:
    return ngettext("renewal is under way", "renewals are under way", number)


def _renewed(number: int) -> str:
    return ngettext(
        "renewal was completed in the last 90 days", "renewals were completed in the last 90 days", number
    )


def _rejected(number: int) -> str:
    return ngettext(
        "renewal was rejected in the last 90 days", "renewals were rejected in the last 90 days", number
    )


def _declined(number: int) -> str:
    return ngettext(
        "renewal was declined in the last 90 days", "renewals were declined in the last 90 days", number
    )


def _lapsed(number: int) -> str:
    return ngettext("renewal lapsed in the last 90 days", "renewals lapsed in the last 90 days", number)
