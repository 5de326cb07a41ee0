"""Declaration of a report: columns, chart, readers and query.

Each module of reports/kinds has one, as REPORT: a new report is one file there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum, auto
from functools import cached_property

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.http import urlencode

from identity_manager.console.access import offices
from identity_manager.console.lists.counting import grouped
from identity_manager.console.search.kind import beginning
from identity_manager.models import Person
from identity_manager.models.words import Words
from identity_manager.ui.context import SEARCHERS

DAY = timedelta(days=1)


class ValueKind(Enum):
    """Type of a column's values: text, number, duration (in days), month, moment."""

    TEXT = auto()
    NUMBER = auto()
    DAYS = auto()
    MONTH = auto()
    MOMENT = auto()


NUMERIC = (ValueKind.NUMBER, ValueKind.DAYS)


@dataclass(frozen=True)
class ReportColumn:
    """One column. charted: its numbers are a part of each bar."""

    name: str
    label: Words
    kind: ValueKind = ValueKind.NUMBER
    charted: bool = False

    @property
    def is_number(self) -> bool:
        return self.kind in NUMERIC

    def exported(self, value: object) -> object:
        """The cell of a file: a number or a text."""
        if isinstance(value, timedelta):
            return round(value / DAY, 2)
        if isinstance(value, date) and self.kind is ValueKind.MONTH:
            return f"{value:%Y-%m}"
        return "" if value is None else value

    def shown(self, value: object) -> str:
        """The cell of the page, as people of the language write it."""
        if value is None:
            return ""
        if isinstance(value, timedelta):
            return number_format(round(value / DAY, 1), decimal_pos=1)
        if isinstance(value, datetime):
            return date_format(timezone.localtime(value), "DATE_FORMAT")
        if isinstance(value, date):
            return date_format(value, "YEAR_MONTH_FORMAT")
        return grouped(value) if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class ReportLine:
    """One line of the table: by the names of the columns, the values, and addresses where there are some."""

    values: Mapping[str, object]
    urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """Parameters of a report: officer and filters. days: of the period; unit, token_type: empty for all."""

    actor: Person
    days: int
    unit: str = ""
    token_type: str = ""
    person_kind: str = ""
    today: date = field(default_factory=timezone.localdate)

    @property
    def since(self) -> datetime:
        """The first moment of a period that ends now."""
        return beginning(self.today - timedelta(days=self.days))

    def within(self, *, unit: str = "", type_code: str = "") -> dict[str, str]:
        """For filter(): the paths of a unit and of a type, as far as one was chosen."""
        chosen = ((unit, self.unit), (type_code, self.token_type))
        return {path: value for path, value in chosen if path and value}

    @cached_property
    def searches(self) -> bool:
        return offices.holds(self.actor, SEARCHERS)

    def search(self, kind: str, **asked: str) -> str:
        """URL of the search for the rows of a number; empty if this officer cannot search them.

        Requests have a page that all of their readers may open.
        """
        criteria = urlencode({name: value for name, value in asked.items() if value})
        if kind == "request":
            return f"{reverse('console:requests')}?{criteria}"
        return f"{reverse('console:search')}?kind={kind}&{criteria}" if self.searches else ""


@dataclass(frozen=True)
class Report:
    """One report.

    question: that it answers.  readers: roles that read it; everywhere: only if held for all units. periods:
    selectable days, the default first; ahead: in the future.  filters: names of ReportForm's fields. columns:
    the first one labels the bars.  stack: columns with name and number of a bar's part; without it the parts
    of a bar are its charted columns. read: returns the lines, in a constant number of statements.
    """

    name: str
    title: Words
    question: Words
    icon: str
    readers: frozenset[str]
    columns: Sequence[ReportColumn]
    read: Callable[[Asked], Iterable[ReportLine]]
    nothing: Words
    periods: Sequence[int] = ()
    ahead: bool = False
    filters: frozenset[str] = frozenset()
    stack: tuple[str, str] | None = None
    everywhere: bool = False

    @property
    def url(self) -> str:
        return reverse("console:report", args=[self.name])

    def is_read_by(self, actor: Person) -> bool:
        """Whether one of the actor's roles reads it."""
        held = [each for each in actor.roles_in_force() if each.role in self.readers]
        return any(not (self.everywhere and each.organisational_unit) for each in held)
