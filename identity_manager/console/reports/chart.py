"""The chart of a report: one stacked bar for each value of its first column."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from identity_manager.console.reports.report import Report, ReportLine
from identity_manager.models.words import Words
from identity_manager.ui import charts
from identity_manager.ui.charts import BarPart, Segment

MOST_BARS = 40  # more are read in the table
Parts = list[tuple[Words, int, str]]  # name, number, address


@dataclass(frozen=True)
class Bar:
    label: str
    total: int
    parts: Sequence[BarPart]


@dataclass(frozen=True)
class Chart:
    """The bars, and the series with their classes."""

    bars: Sequence[Bar]
    legend: dict[str, str]
    left_out: int


def of(report: Report, lines: Sequence[ReportLine]) -> Chart | None:
    """None where there is no number."""
    found = _stacked(report, lines) if report.stack else _of_columns(report, lines)
    bars = [(label, parts) for label, parts in found if sum(number for _name, number, _url in parts)]
    if not bars:
        return None
    names = dict.fromkeys(str(name) for _label, parts in bars for name, _number, _url in parts)
    legend = {
        name: charts.colour(place) for place, name in enumerate(sorted(names) if report.stack else names)
    }
    full = max(sum(number for _name, number, _url in parts) for _label, parts in bars)
    drawn = [_bar(label, parts, legend, full) for label, parts in bars[:MOST_BARS]]
    return Chart(drawn, legend, max(len(bars) - MOST_BARS, 0))


def _bar(label: str, parts: Parts, legend: dict[str, str], full: int) -> Bar:
    ordered = sorted(parts, key=lambda part: list(legend).index(str(part[0])))
    segments = [
        Segment(f"{label}, {name}" if len(legend) > 1 else label, number, url, legend[str(name)])
        for name, number, url in ordered
    ]
    return Bar(label, sum(number for _name, number, _url in parts), charts.stacked(segments, full=full))


def _stacked(report: Report, lines: Sequence[ReportLine]) -> Iterable[tuple[str, Parts]]:
    """Lines of one label beside each other are one bar."""
    assert report.stack  # noqa: S101 narrows the declared type
    (series, number), first = report.stack, report.columns[0]
    found: dict[str, Parts] = {}
    for line in lines:
        part = (str(line.values[series]), _number(line, number), line.urls.get(number, ""))
        found.setdefault(first.shown(line.values[first.name]), []).append(part)
    return found.items()


def _of_columns(report: Report, lines: Sequence[ReportLine]) -> Iterator[tuple[str, Parts]]:
    first = report.columns[0]
    charted = [each for each in report.columns if each.charted]
    for line in lines:
        parts: Parts = [
            (each.label, _number(line, each.name), line.urls.get(each.name, "")) for each in charted
        ]
        yield first.shown(line.values[first.name]), parts


def _number(line: ReportLine, name: str) -> int:
    value = line.values.get(name) or 0
    assert isinstance(value, int)  # noqa: S101 narrows the declared type
    return value
