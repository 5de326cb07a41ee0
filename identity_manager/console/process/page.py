"""Page context of the process of a request: an SVG picture, and a table with the same content."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from identity_manager.models import RequestOrigin, RequestState, TokenRequest
from identity_manager.workflow.diagram import layout as process_layout
from identity_manager.workflow.diagram import state_graph
from identity_manager.workflow.diagram.layout import Band, Edge, Layout, Node, Point
from identity_manager.workflow.diagram.state_graph import Transition

LINE = 16  # from one line of words to the next
IN_A_TASK = 13  # letters that fit into a task, and between two shapes
IN_A_BOX = process_layout.SIZES["task"][0] - 8  # how wide a longer word may be there
BESIDE = {"start": 18, "middle": IN_A_TASK, "end": 11}  # letters that fit beside a line
CORNER = 9
BAND_LETTERS = 22
GONE, NOW = "gone", "now"


@dataclass(frozen=True)
class DrawnText:
    """One line of text; anchor: start, middle or end. narrowed: textLength in units, or 0."""

    x: int
    y: int
    words: str
    anchor: str = "middle"
    narrowed: int = 0


@dataclass(frozen=True)
class Shape:
    """A node of the picture. mark: gone (passed), now (present), or empty."""

    node: Node
    mark: str
    texts: Sequence[DrawnText]

    @property
    def flag(self) -> str:
        """The mark as a word or sign beside the shape; gateways and starts have none."""
        if self.node.place is None or not self.mark:
            return ""
        return _("Now") if self.mark == NOW else "✓"

    @property
    def flag_at(self) -> DrawnText:
        """The position of the mark, where no edge and no label is."""
        node = self.node
        if node.y == process_layout.TOP_ROW:
            return DrawnText(node.left - 8, node.y + 5, self.flag, "end")
        if node.y == process_layout.DETOUR_ROW:
            return DrawnText(node.x, node.bottom + 17, self.flag)
        return DrawnText(node.left + 2, node.top - 8, self.flag, "start")

    @property
    def diamond(self) -> str:
        node = self.node
        corners = [(node.x, node.top), (node.right, node.y), (node.x, node.bottom), (node.left, node.y)]
        return " ".join(f"{x},{y}" for x, y in corners)


@dataclass(frozen=True)
class DrawnEdge:
    """An edge of the picture."""

    edge: Edge
    mark: str
    path: str
    texts: Sequence[DrawnText]


@dataclass(frozen=True)
class DrawnFrame:
    """A frame around what runs under one process of Nexus."""

    band: Band
    texts: Sequence[DrawnText]

    @property
    def width(self) -> int:
        return self.band.right - self.band.left

    @property
    def height(self) -> int:
        return self.band.bottom - self.band.top


@dataclass(frozen=True)
class Picture:
    """The picture. gone: transitions that the request has made; now: its present state."""

    layout: Layout
    gone: Sequence[Transition] = ()
    now: RequestState | None = None

    @property
    def shapes(self) -> list[Shape]:
        return [Shape(node, self._mark_of(node), _texts_of(node)) for node in self.layout.nodes.values()]

    @property
    def lines(self) -> list[DrawnEdge]:
        """The edges, those that the request has gone last, so that they are on top."""
        lines = [
            DrawnEdge(edge, GONE if self._is_gone(edge) else "", path(edge.points), _words_of(edge))
            for edge in self.layout.edges
        ]
        return sorted(lines, key=lambda line: line.mark)

    @property
    def frames(self) -> list[DrawnFrame]:
        return [_frame(band) for band in self.layout.bands]

    @property
    def description(self) -> str:
        """The text alternative of the picture for a request."""
        if self.now is None:
            return _(
                "Each state of a request, and what leads from one to the next. The list below says the same."
            )
        way = ", ".join(str(change.label) for change in self.gone) or _("nothing yet")
        words = {"state": self.now.label, "way": way}
        return _("Now: %(state)s. The way so far: %(way)s. The list below says the same.") % words

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The transitions as rows of the table."""
        return [
            {"change": each, "gone": each in self.gone, "now": each.source == self.now}
            for each in self._sorted()
        ]

    def _sorted(self) -> list[Transition]:
        order = list(RequestState)
        return sorted(
            self.layout.changes, key=lambda each: (order.index(each.source), order.index(each.target))
        )

    def _mark_of(self, node: Node) -> str:
        if self.now is None:
            return ""
        if node.id == self.now:
            return NOW
        if node.place is not None:
            return GONE if any(change.source == node.id for change in self.gone) else ""
        reached = any(self._is_gone(edge) for edge in self.layout.edges if edge.target == node.id)
        return GONE if reached or node.kind == "start" else ""

    def _is_gone(self, edge: Edge) -> bool:
        """Whether the request has gone along it; edges to gateways count with any of their transitions."""
        if self.now is None:
            return False
        if edge.change is not None:
            return edge.change in self.gone
        if edge.source.startswith("start_"):
            return True
        into = [change for change in self.gone if edge.source == f"before_{change.target}"]
        out = [change for change in self.gone if edge.target == f"after_{change.source}"]
        return bool(into or out) or edge.source == f"before_{state_graph.FIRST}"


def everything() -> Picture:
    """The picture of the process without a request, with all beginnings."""
    return Picture(process_layout.lay_out(*RequestOrigin))


def fold_of(row: TokenRequest, events: Iterable[str]) -> SafeString:
    """The picture with a request's transitions; events: names of its events, oldest first."""
    gone = tuple((change.name, change.source) for change in state_graph.way_gone(events))
    drawn_for = (get_language(), get_script_prefix())
    return _fold(RequestOrigin(row.origin), gone, RequestState(row.state), drawn_for)


# The picture depends on the transitions alone, and most requests share a few: cached by them.
@lru_cache(maxsize=64)  # entries of 44 KB
def _fold(
    origin: RequestOrigin, gone: Sequence[tuple[str, RequestState]], now: RequestState, _drawn_for: object
) -> SafeString:
    arrows = {(change.name, change.source): change for change in state_graph.transitions()}
    picture = Picture(process_layout.lay_out(origin), [arrows[each] for each in gone], now)
    drawn = render_to_string(
        "identity_manager/process/fold.html", {"picture": picture, "files": files([origin])}
    )
    return SafeString(drawn)


def files(origins: Iterable[RequestOrigin] = RequestOrigin) -> list[dict[str, str]]:
    """The BPMN files: process id of Nexus, and the requests that it is about."""
    return [{"id": state_graph.beginning(each).original, "label": str(each.label)} for each in origins]


def origin_of(original: str) -> RequestOrigin | None:
    """The origin of the requests that run under this process of Nexus."""
    return next((each for each in RequestOrigin if state_graph.beginning(each).original == original), None)


def path(points: Sequence[Point]) -> str:
    """The SVG path through the points, with rounded corners."""
    first, *_rest = points
    parts = [f"M{first[0]} {first[1]}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (x1, y1), (x2, y2) = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{x1} {y1}Q{corner[0]} {corner[1]} {x2} {y2}")
    parts.append(f"L{points[-1][0]} {points[-1][1]}")
    return "".join(parts)


def _towards(corner: Point, other: Point) -> Point:
    """The point between a corner and the next point where the rounding begins."""

    def step(one: int, two: int) -> int:
        return max(-CORNER, min(CORNER, two - one))

    return corner[0] + step(corner[0], other[0]), corner[1] + step(corner[1], other[1])


def _texts_of(node: Node) -> list[DrawnText]:
    """The text of a node: inside a task, below an event on the main road, else to its right."""
    if node.kind in ("split", "join"):
        return []
    lines = _wrapped(str(node.label), IN_A_TASK)
    if node.kind == "task":
        texts = _block(lines, node.x, node.y - LINE * (len(lines) - 1) // 2 + 5)
        return [replace(text, narrowed=IN_A_BOX) if len(text.words) > IN_A_TASK else text for text in texts]
    if node.y == process_layout.TOP_ROW:
        return _block(lines, node.x, node.top - 8 - LINE * (len(lines) - 1))
    return _block(lines, node.x, node.bottom + 18)


def _words_of(edge: Edge) -> list[DrawnText]:
    """The label of an edge; further lines grow upwards."""
    if edge.change is None:
        return []
    x, y = edge.label_at
    lines = _wrapped(str(edge.change.label), BESIDE[edge.anchor])
    return _block(lines, x, y - LINE * (len(lines) - 1), edge.anchor)


def _wrapped(label: str, letters: int) -> list[str]:
    """The text in lines; a long word stays whole."""
    return textwrap.wrap(label, letters, break_long_words=False, break_on_hyphens=False)


def _frame(band: Band) -> DrawnFrame:
    """The frame; a process id that is wider breaks before a word."""
    lines = [""]
    for word in _camel_words(band.original):
        if len(lines[-1]) + len(word) > BAND_LETTERS and band.right - band.left < 300:
            lines.append("")
        lines[-1] += word
    return DrawnFrame(band, _block(lines, band.left + 10, band.top + 18, "start"))


def _camel_words(name: str) -> list[str]:
    spaced = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return spaced.split()


def _block(lines: Sequence[str], x: int, y: int, anchor: str = "middle") -> list[DrawnText]:
    return [DrawnText(x, y + LINE * number, words, anchor) for number, words in enumerate(lines)]
