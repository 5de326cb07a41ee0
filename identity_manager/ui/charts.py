"""Stacked bar charts in inline SVG: layout of a bar's parts, in units of its viewBox (ui/chart_bar.html)."""

from collections.abc import Sequence
from dataclasses import dataclass

from identity_manager.models.words import Words

WIDTH, LEAST, GAP = 1000.0, 8.0, 2.0  # width of a full bar, minimum width of a part, gap between two
COLOURS = 6  # classes of chart.css; further series repeat them


@dataclass(frozen=True)
class Segment:
    """Data of a part: label, number, URL (empty: none), CSS class."""

    words: Words
    number: int
    url: str
    css: str


@dataclass(frozen=True)
class BarPart:
    """A part of a bar with its position and width."""

    words: Words
    number: int
    url: str
    css: str
    x: float
    width: float


def stacked(segments: Sequence[Segment], *, full: int = 0) -> list[BarPart]:
    """Lay out parts with a number above 0, side by side. full: the number that fills the whole width."""
    shown = [each for each in segments if each.number]
    total = sum(each.number for each in shown)
    span = WIDTH * total / max(full, total, 1)
    room = max(span - GAP * (len(shown) - 1) - LEAST * len(shown), 0.0)
    parts, x = [], 0.0
    for each in shown:
        width = LEAST + room * each.number / total
        parts.append(BarPart(each.words, each.number, each.url, each.css, x, width))
        x += width + GAP
    return parts


def colour(place: int) -> str:
    """The class of a series by its place in the legend."""
    return f"chart-{place % COLOURS}"
