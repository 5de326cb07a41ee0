"""The page of a report: filters, chart and table; and who may open it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, QueryDict
from django.utils.http import urlencode

from identity_manager.console.access import offices
from identity_manager.console.reports import chart
from identity_manager.console.reports.forms import ReportForm
from identity_manager.console.reports.registry import READERS, REPORTS, read_by
from identity_manager.console.reports.report import Report, ReportLine
from identity_manager.models import Mailing, Person, Role, SavedSearch
from identity_manager.models.words import Words
from identity_manager.people.saved_searches import REPORT


@dataclass(frozen=True)
class ReportCell:
    label: Words
    text: str
    url: str
    is_number: bool


@dataclass(frozen=True)
class SavedReport:
    """A saved report as pages show it."""

    row: SavedSearch
    report: Report

    @property
    def url(self) -> str:
        return address(self.report, QueryDict(self.row.query))

    @property
    def mailing(self) -> str:
        return str(Mailing(self.row.mailing).label)


def reader(request: HttpRequest) -> Person:
    """The officer, if there is a report that they read."""
    return offices.officer(request, *(Role(role) for role in READERS))


def report_for_reader(request: HttpRequest, name: str) -> tuple[Person, Report]:
    """The officer and the report. Raises Http404 for none, PermissionDenied for who does not read it."""
    actor, report = offices.officer(request), REPORTS.get(name)
    if report is None:
        raise Http404
    if not report.is_read_by(actor):
        raise PermissionDenied(offices.NOT_YOUR_OFFICE)
    return actor, report


def address(report: Report, asked: QueryDict) -> str:
    """The page with these filters."""
    criteria = filters_of(report, asked)
    return f"{report.url}?{criteria}" if criteria else report.url


def filters_of(report: Report, asked: QueryDict) -> str:
    """The report's filters in a query string or a form."""
    known = [name for name in ReportForm.base_fields if name in {*report.filters, "period"}]
    return urlencode([(name, str(asked[name])) for name in known if asked.get(name)])


def listing_context(actor: Person) -> dict[str, Any]:
    return {"tab": "start", "reports": read_by(actor), "saved": list(saved_of(actor))}


def saved_of(actor: Person) -> Iterator[SavedReport]:
    """Saved reports of the officer whose role they still have."""
    for row in SavedSearch.objects.filter(owner=actor, kind=REPORT):
        report = REPORTS.get(QueryDict(row.query).get("report", ""))
        if report is not None and report.is_read_by(actor):
            yield SavedReport(row, report)


def context(actor: Person, report: Report, asked: QueryDict) -> dict[str, Any]:
    """The page; without lines if the filters are invalid."""
    form = ReportForm(asked, report=report, actor=actor)
    lines = list(report.read(form.asked)) if form.is_valid() else []
    return {
        "tab": "start",
        "report": report,
        "form": form,
        "query": filters_of(report, asked),
        "chart": chart.of(report, lines),
        "rows": [_cells(report, line) for line in lines],
    }


def _cells(report: Report, line: ReportLine) -> list[ReportCell]:
    return [
        ReportCell(
            each.label, each.shown(line.values[each.name]), line.urls.get(each.name, ""), each.is_number
        )
        for each in report.columns
    ]


def exported(report: Report, lines: list[ReportLine]) -> Iterator[list[object]]:
    """The rows of a file."""
    return ([each.exported(line.values[each.name]) for each in report.columns] for line in lines)
