"""Picture, BPMN file, state machine and the index of the road say the same of a request."""

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

import pytest
from bpmn_io import BpmnModdle, check, is_a
from bpmn_io.lint import Linter
from bpmn_io.lint.resolver import NodeResolver

from identity_manager.models import RequestOrigin, RequestState, TokenRequest
from identity_manager.workflow import ROAD
from identity_manager.workflow.diagram import bpmn, state_graph
from identity_manager.workflow.diagram import layout as process_layout
from identity_manager.workflow.diagram.layout import Layout, Node

Arrow = tuple[str, str, str]
ORIGINS = list(RequestOrigin)
PICTURES = [(origin,) for origin in ORIGINS] + [tuple(ORIGINS)]
each_file = pytest.mark.parametrize("origin", ORIGINS)
each_picture = pytest.mark.parametrize("origins", PICTURES, ids="+".join)


def machine() -> set[Arrow]:
    """Asked of the model itself, not of the module that is tested here."""
    field: Any = TokenRequest._meta.get_field("state")
    ways = field.get_all_transitions(TokenRequest)
    return {(way.name, str(way.source), str(way.target)) for way in ways}


class File:
    """A BPMN file as a modeller reads it."""

    def __init__(self, origin: RequestOrigin) -> None:
        self.text = bpmn.written(origin).decode()
        self.root: Any = BpmnModdle().from_xml(self.text).root_element
        (self.process,) = [each for each in self.root.get("rootElements") if is_a(each, "bpmn:Process")]
        elements = self.process.get("flowElements")
        self.flows = [each for each in elements if is_a(each, "bpmn:SequenceFlow")]
        self.shapes = [each for each in elements if not is_a(each, "bpmn:SequenceFlow")]

    def of_type(self, name: str) -> list[Any]:
        return [each for each in self.shapes if is_a(each, name)]

    def arrows(self) -> Iterator[Arrow]:
        """From state to state, through whatever gateways stand between them."""
        for flow in self.flows:
            if said := flow.get("documentation"):
                yield (
                    said[0].get("text"),
                    self._state(flow.get("sourceRef"), back=True),
                    self._state(flow.get("targetRef"), back=False),
                )

    def _state(self, shape: Any, *, back: bool) -> str:
        while is_a(shape, "bpmn:Gateway"):
            (flow,) = shape.get("incoming" if back else "outgoing")
            shape = flow.get("sourceRef" if back else "targetRef")
        return str(shape.get("id"))


def test_every_request_passes_from_the_second_step_on() -> None:
    assert min(step.number for step in ROAD if step.is_on_every_road) == 2


def test_the_machine_has_ways() -> None:
    assert len(machine()) > 15


def test_each_transition_has_a_word() -> None:
    assert all(str(change.label) for change in state_graph.transitions())


def test_each_transition_is_told_by_an_event() -> None:
    told = {name for names in state_graph.TRANSITIONS_OF_EVENT.values() for name in names}
    assert told == {name for name, _source, _target in machine()}


@each_picture
def test_each_transition_is_one_line_of_the_picture(origins: tuple[RequestOrigin, ...]) -> None:
    drawn = [edge.change for edge in process_layout.lay_out(*origins).edges if edge.change]

    assert {(each.name, each.source, each.target) for each in drawn} == machine()
    assert len(drawn) == len(machine())


@each_picture
def test_each_state_is_one_shape_of_the_picture(origins: tuple[RequestOrigin, ...]) -> None:
    shown = [node.place.state for node in process_layout.lay_out(*origins).nodes.values() if node.place]

    assert sorted(shown) == sorted(RequestState)


def test_each_step_of_the_road_is_an_arrow() -> None:
    pairs = {(source, target) for _name, source, target in machine()}
    assert {step.request for step in ROAD if step.request} <= pairs


def test_the_main_road_is_the_road_of_the_index() -> None:
    road = state_graph.main_road()
    walked = {step.request for step in ROAD if step.request}

    assert (road[0], road[-1]) == ("requested", "completed")
    assert set(pairwise(road)) <= walked
    assert len(set(road)) == len(road)


@each_file
def test_the_file_has_the_arrows_of_the_machine(origin: RequestOrigin) -> None:
    arrows = list(File(origin).arrows())

    assert set(arrows) == machine()
    assert len(arrows) == len(machine())


@each_file
def test_the_file_ends_where_the_machine_ends(origin: RequestOrigin) -> None:
    leaving = {source for _name, source, _target in machine()}
    file = File(origin)

    assert {each.get("id") for each in file.of_type("bpmn:EndEvent")} == set(RequestState) - leaving
    assert {each.get("id") for each in file.of_type("bpmn:Task")} == leaving
    assert len(file.of_type("bpmn:StartEvent")) == 1


@each_file
def test_the_file_names_the_processes_of_the_original(origin: RequestOrigin) -> None:
    file = File(origin)
    groups = [each.get("id") for each in file.process.get("artifacts")]
    named = {file.process.get("id"), *groups}
    of_states = {step.original for step in ROAD if step.original and step.is_on_every_road}

    assert named == of_states | {state_graph.beginning(origin).original}
    documented = {
        each.get("documentation")[0].get("text") for each in file.shapes if each.get("documentation")
    }
    assert documented == set(groups)


@each_file
def test_a_modeller_finds_nothing_wrong_with_the_file(origin: RequestOrigin) -> None:
    file = File(origin)
    report = check(file.text)

    assert (report.ok, report.errors, report.warnings) == (True, [], [])
    assert check(file.root).errors == []
    linter = Linter(resolver=NodeResolver())  # type: ignore[no-untyped-call]  # the package leaves it bare
    assert linter.lint(file.root, {"extends": "bpmnlint:all"}) == {}


@each_file
def test_everything_in_the_file_is_laid_out(origin: RequestOrigin) -> None:
    file = File(origin)
    plane = file.root.get("diagrams")[0].get("plane")
    laid_out = [each.get("bpmnElement").get("id") for each in plane.get("planeElement")]
    groups = file.process.get("artifacts")

    assert sorted(laid_out) == sorted(each.get("id") for each in (*file.shapes, *file.flows, *groups))


@each_picture
def test_no_shape_lies_on_another_or_beyond_the_edge(origins: tuple[RequestOrigin, ...]) -> None:
    layout = process_layout.lay_out(*origins)

    for one, other in combinations(layout.nodes.values(), 2):
        apart = one.right < other.left or other.right < one.left
        assert apart or one.bottom < other.top or other.bottom < one.top, (one, other)
    for node in layout.nodes.values():
        assert node.left > 0
        assert node.top > 0
        assert node.right < layout.width
        assert node.bottom < layout.height


@each_picture
def test_each_line_goes_from_shape_to_shape_straight_or_at_right_angles(
    origins: tuple[RequestOrigin, ...],
) -> None:
    layout = process_layout.lay_out(*origins)

    for edge in layout.edges:
        for name, end in ((edge.source, edge.points[0]), (edge.target, edge.points[-1])):
            assert end in corners(layout, name), edge
        for (x1, y1), (x2, y2) in pairwise(edge.points):
            assert (x1 == x2) != (y1 == y2), edge


def corners(layout: Layout, name: str) -> set[tuple[int, int]]:
    """The middles of the four sides."""
    node: Node = layout.nodes[name]
    return {(node.left, node.y), (node.right, node.y), (node.x, node.top), (node.x, node.bottom)}
