"""Stacked bars of own SVG: where the parts of a bar stand, in units of its viewBox (ui/chart_bar.html)."""

from collections.abc import Sequence
from dataclasses import dataclass

from identity_manager.models.words import Words

WIDTH, LEAST, GAP = 1000.0, 8.0, 2.0  # of a full bar, of a part, between two parts
COLOURS = 6  # classes of chart.css; further series repeat them


@dataclass(frozen=True)
class Segment:
    """What a part says: its words, its number, its link (empty: none), its class."""

    words: Words
    number: int
    url: str
    css: str


@dataclass(frozen=True)
class Part:
    """A part of a bar and where it stands."""

    words: Words
    number: int
    url: str
    css: str
    x: float
    width: float


def stacked(segments: Sequence[Segment], *, full: int = 0) -> list[Part]:
    """The parts that have a number, side by side. full: the number of a bar as wide as the drawing."""
    shown = [each for each in segments if each.number]
    total = sum(each.number for each in shown)
    span = WIDTH * total / max(full, total, 1)
    room = max(span - GAP * (len(shown) - 1) - LEAST * len(shown), 0.0)
    parts, x = [], 0.0
    for each in shown:
        width = LEAST + room * each.number / total
        parts.append(Part(each.words, each.number, each.url, each.css, x, width))
        x += width + GAP
    return parts


def colour(place: int) -> str:
    """The class of a series by its place in the legend."""
    return f"chart-{place % COLOURS}"
