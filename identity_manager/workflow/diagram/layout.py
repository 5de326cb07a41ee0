"""Layout of the process diagram: shapes, edges and labels, for the SVG picture and for BPMN.

Pure. Sizes are those of BPMN modellers (an event 36, a gateway 50, a task 100 by 80). The main road runs from
left to right; ends of a single state stand above it; a detour stands below the state that leads to it; the
end of many states stands at the bottom right, behind an edge that gathers them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from django.utils.translation import gettext_lazy as _

from identity_manager.models import RequestOrigin, RequestState
from identity_manager.models.words import Words
from identity_manager.workflow.diagram import state_graph
from identity_manager.workflow.diagram.state_graph import StateNode, Transition

Point = tuple[int, int]
SIZES = {"start": (36, 36), "end": (36, 36), "split": (50, 50), "join": (50, 50), "task": (100, 80)}
CLOSE, WIDE = 16, 80  # between a task and its gateways; where an arrow with words needs room
LEFT, TOP_ROW, MAIN_ROW, DETOUR_ROW, GATHERING_ROW, HEIGHT = 46, 122, 244, 400, 494, 540
BAND_TOP, BAND_BOTTOM = 4, 308
ASIDE = 124  # from one end above a state to the next; the word of the arrow stands between them
START_GAP, START_APART = 50, 96
PASSING = 56  # from the main road down to a line that passes a state of it
LEVEL = 55  # between two lines from one state back to another; their words stand above each
WHAT_NEXT = _("What next?")


@dataclass(frozen=True)
class Node:
    """A shape. kind: a key of SIZES; x and y: its middle; state: empty for gateways and starts."""

    id: str
    kind: str
    label: Words
    x: int
    y: int
    place: StateNode | None = None

    @property
    def width(self) -> int:
        return SIZES[self.kind][0]

    @property
    def height(self) -> int:
        return SIZES[self.kind][1]

    @property
    def left(self) -> int:
        return self.x - self.width // 2

    @property
    def right(self) -> int:
        return self.x + self.width // 2

    @property
    def top(self) -> int:
        return self.y - self.height // 2

    @property
    def bottom(self) -> int:
        return self.y + self.height // 2


@dataclass(frozen=True)
class Edge:
    """An edge between shapes. change: its transition, or None.

    label_at: position of the label, which anchor aligns. level: how many other edges between the same shapes
    run below this one.
    """

    source: str
    target: str
    points: tuple[Point, ...]
    change: Transition | None = None
    label_at: Point = (0, 0)
    anchor: str = "start"
    level: int = 0

    @property
    def id(self) -> str:
        name = f"{self.source}_to_{self.target}"
        return f"{name}_{self.level}" if self.level else name


@dataclass(frozen=True)
class Band:
    """The part of the diagram that runs under one process of Nexus."""

    original: str
    left: int
    right: int
    top: int = BAND_TOP
    bottom: int = BAND_BOTTOM


@dataclass
class Layout:
    """The diagram. lay_out makes it once for each set of origins; it is not changed then."""

    origins: Sequence[RequestOrigin]
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    height: int = HEIGHT

    @property
    def width(self) -> int:
        return max(node.right for node in self.nodes.values()) + LEFT

    @cached_property
    def changes(self) -> list[Transition]:
        return state_graph.transitions()

    @cached_property
    def places(self) -> dict[RequestState, StateNode]:
        return {place.state: place for place in state_graph.state_nodes()}

    @cached_property
    def main(self) -> list[RequestState]:
        return state_graph.main_road()

    def leaving(self, state: RequestState) -> list[Transition]:
        return [change for change in self.changes if change.source == state]

    def reaching(self, state: RequestState) -> list[Transition]:
        return [change for change in self.changes if change.target == state]

    def is_gathered(self, state: RequestState) -> bool:
        """Whether it is an end with several source states."""
        return not self.leaving(state) and len(self.reaching(state)) > 1

    def add(self, node: Node) -> None:
        self.nodes[node.id] = node

    def exit_of(self, state: RequestState) -> Node:
        """The shape where the state's outgoing edges begin."""
        return self.nodes.get(f"after_{state}") or self.nodes[state]

    def entry_of(self, state: RequestState) -> Node:
        """The shape where the state's incoming edges end."""
        return self.nodes.get(f"before_{state}") or self.nodes[state]


@cache
def lay_out(*origins: RequestOrigin) -> Layout:
    """The layout for requests of these origins."""
    layout = Layout(origins)
    _place_the_main_road(layout)
    _place_the_starts(layout)
    _place_detours(layout)
    _place_ends(layout)
    _join_shapes(layout)
    layout.edges += [_arrow(layout, change) for change in layout.changes]
    layout.bands = _bands(layout)
    return layout


def _state_node(layout: Layout, state: RequestState, x: int, y: int) -> Node:
    return Node(str(state), _kind(layout, state), state.label, x, y, layout.places[state])


def _kind(layout: Layout, state: RequestState) -> str:
    return "task" if layout.leaving(state) else "end"


def _place_the_main_road(layout: Layout) -> None:
    """From left to right: joining gateway, state, splitting gateway."""
    x = LEFT + SIZES["start"][0] + START_GAP
    for state in layout.main:
        arriving = len(layout.reaching(state)) + (state == state_graph.FIRST)
        if arriving > 1:
            layout.add(Node(f"before_{state}", "join", "", x + 25, MAIN_ROW))
            x += SIZES["join"][0] + CLOSE
        width, _height = SIZES[_kind(layout, state)]
        node = _state_node(layout, state, x + width // 2, MAIN_ROW)
        layout.add(node)
        x = node.right
        if len(layout.leaving(state)) > 1:
            layout.add(Node(f"after_{state}", "split", WHAT_NEXT, x + CLOSE + 25, MAIN_ROW))
            x += CLOSE + SIZES["split"][0]
        x += WIDE


def _place_the_starts(layout: Layout) -> None:
    """One above the other, centred at the main road."""
    y = MAIN_ROW - START_APART * (len(layout.origins) - 1) // 2
    for origin in layout.origins:
        step = state_graph.beginning(origin)
        layout.add(Node(f"start_{step.original}_{origin}", "start", origin.label, LEFT + 18, y))
        y += START_APART


def _place_detours(layout: Layout) -> None:
    """Below the state that leads there; their own edges leave to the left."""
    for state in RequestState:
        if state in layout.main or not layout.leaving(state):
            continue
        (source,) = {change.source for change in layout.reaching(state)}
        node = _state_node(layout, state, layout.nodes[source].x, DETOUR_ROW)
        layout.add(node)
        if len(layout.leaving(state)) > 1:
            layout.add(Node(f"after_{state}", "split", WHAT_NEXT, node.left - CLOSE - 25, DETOUR_ROW))


def _place_ends(layout: Layout) -> None:
    """Above the only state that leads there, or behind the gathering edge."""
    for state in RequestState:
        if state in layout.main or layout.leaving(state):
            continue
        if layout.is_gathered(state):
            last, before = layout.nodes[layout.main[-1]], layout.nodes[layout.main[-2]]
            layout.add(Node(f"before_{state}", "join", "", before.x, GATHERING_ROW))
            layout.add(_state_node(layout, state, last.x, GATHERING_ROW))
            continue
        (change,) = layout.reaching(state)
        source = layout.exit_of(change.source)
        beside = sum(node.y == TOP_ROW and node.left >= source.left for node in layout.nodes.values())
        layout.add(_state_node(layout, state, source.x + beside * ASIDE, TOP_ROW))


def _join_shapes(layout: Layout) -> None:
    """Edges between a state and its gateways, and from the starts."""
    for name, node in list(layout.nodes.items()):
        if node.kind == "split":
            _line(layout, name.removeprefix("after_"), name)
        elif node.kind == "join":
            _line(layout, name, name.removeprefix("before_"))
    entry = layout.entry_of(state_graph.FIRST)
    for node in [each for each in layout.nodes.values() if each.kind == "start"]:
        level: tuple[Point, ...] = ((node.right, node.y), (entry.left, entry.y))
        side = entry.top if node.y < entry.y else entry.bottom
        bent: tuple[Point, ...] = ((node.right, node.y), (entry.x, node.y), (entry.x, side))
        layout.edges.append(Edge(node.id, entry.id, level if node.y == entry.y else bent))


def _line(layout: Layout, source: str, target: str) -> None:
    one, other = layout.nodes[source], layout.nodes[target]
    ahead = ((one.right, one.y), (other.left, other.y))
    back = ((one.left, one.y), (other.right, other.y))
    layout.edges.append(Edge(source, target, ahead if other.x > one.x else back))


def _arrow(layout: Layout, change: Transition) -> Edge:
    """The edge of one transition, routed by its target."""
    one, other = layout.exit_of(change.source), layout.entry_of(change.target)
    if other.y < one.y and other.kind == "end":
        return _upwards(one, other, change)
    if layout.is_gathered(change.target):
        below = ((one.x, one.bottom), (one.x, other.y), (other.left, other.y))
        return Edge(one.id, other.id, below, change, (one.x + 8, other.y - 12))
    if one.y == other.y and other.x > one.x:
        if layout.main.index(change.target) > layout.main.index(change.source) + 1:
            return _past(one, other, change)
        middle = (one.right + other.left) // 2
        return Edge(
            one.id,
            other.id,
            ((one.right, one.y), (other.left, one.y)),
            change,
            (middle, one.y - 10),
            "middle",
        )
    if other.y > one.y:
        down = ((one.x, one.bottom), (one.x, other.y), (other.right, other.y))
        return Edge(one.id, other.id, down, change, (one.x + 8, one.bottom + 42))
    alike = [each for each in layout.changes if (each.source, each.target) == (change.source, change.target)]
    return _backwards(one, other, change, level=alike.index(change))


def _past(one: Node, other: Node, change: Transition) -> Edge:
    """Onward on the main road, below a state that is left out."""
    lane = MAIN_ROW + PASSING
    points = ((one.x, one.bottom), (one.x, lane), (other.x, lane), (other.x, other.bottom))
    return Edge(one.id, other.id, points, change, (one.x + 8, lane + 36))


def _upwards(one: Node, other: Node, change: Transition) -> Edge:
    """To an end above: straight, or with a bend to one further right."""
    if one.x == other.x:
        points: tuple[Point, ...] = ((one.x, one.top), (one.x, other.bottom))
        return Edge(one.id, other.id, points, change, (one.x - 8, one.top - 26), "end")
    bend = other.bottom + 36
    points = ((one.x, one.top), (one.x, bend), (other.x, bend), (other.x, other.bottom))
    return Edge(one.id, other.id, points, change, ((one.x + other.x) // 2, bend - 8), "middle")


def _backwards(one: Node, other: Node, change: Transition, *, level: int) -> Edge:
    """Back to a state of the main road: straight up from a detour, else below the road."""
    row = DETOUR_ROW - level * LEVEL
    if one.y == DETOUR_ROW and one.x == other.x:
        points: tuple[Point, ...] = ((one.x, one.top), (one.x, other.bottom))
        return Edge(one.id, other.id, points, change, (one.x + 8, other.bottom + 42))
    start = ((one.left, one.y),) if one.y == DETOUR_ROW else ((one.x, one.bottom), (one.x, row))
    points = (*start, (other.x, row), (other.x, other.bottom))
    return Edge(one.id, other.id, points, change, (start[-1][0] - 10, row - 10), "end", level)


def _bands(layout: Layout) -> list[Band]:
    """Bands side by side, each from its first state to its last."""
    found: dict[str, list[int]] = {}
    for state in layout.main:
        original = layout.places[state].original
        if original:
            edges = [layout.entry_of(state).left, layout.exit_of(state).right]
            found[original] = [*found.get(original, []), *edges]
    return [Band(name, min(edges) - 10, max(edges) + 10) for name, edges in found.items()]
