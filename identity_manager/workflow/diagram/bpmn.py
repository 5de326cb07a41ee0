"""BPMN 2.0 export (ISO/IEC 19510) of the process, with a layout for modellers.

Process and groups have the ids of Nexus processes (docs/how-to/migrate-from-nexus.md). States are user tasks
where a person acts, else service tasks; transitions are sequence flows with the transition's name in their
documentation.
"""

from xml.etree import ElementTree as ET

from identity_manager.models import RequestOrigin
from identity_manager.workflow.diagram import layout as process_layout
from identity_manager.workflow.diagram import state_graph
from identity_manager.workflow.diagram.layout import Band, Edge, Layout, Node

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DIAGRAM = "http://www.omg.org/spec/BPMN/20100524/DI"
BOUNDS = "http://www.omg.org/spec/DD/20100524/DC"
WAYS = "http://www.omg.org/spec/DD/20100524/DI"
NAMESPACES = {"bpmn": MODEL, "bpmndi": DIAGRAM, "dc": BOUNDS, "di": WAYS}
OURS = "urn:identity-manager:process"
TAGS = {"start": "startEvent", "end": "endEvent", "split": "exclusiveGateway", "join": "exclusiveGateway"}
MEDIA_TYPE = "application/xml"


def written(origin: RequestOrigin) -> bytes:
    """The BPMN file of the process for requests of this origin, in the active language."""
    for prefix, namespace in NAMESPACES.items():
        ET.register_namespace(prefix, namespace)
    layout = process_layout.lay_out(origin)
    root = ET.Element(_model("definitions"), {"id": "definitions", "targetNamespace": OURS})
    _process(root, layout, origin)
    for band in layout.bands:
        category = ET.SubElement(root, _model("category"), {"id": f"category_{band.original}"})
        ET.SubElement(category, _model("categoryValue"), {"id": _value(band), "value": band.original})
    _picture(root, layout, state_graph.beginning(origin).original)
    ET.indent(root)
    file: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return file


def _process(root: ET.Element, layout: Layout, origin: RequestOrigin) -> None:
    step = state_graph.beginning(origin)
    attributes = {"id": step.original, "name": str(origin.label), "isExecutable": "false"}
    parent = ET.SubElement(root, _model("process"), attributes)
    for node in layout.nodes.values():
        _shape(parent, node, layout)
    for edge in layout.edges:
        _flow(parent, edge, is_choice=layout.nodes[edge.source].kind == "split")
    for band in layout.bands:
        ET.SubElement(parent, _model("group"), {"id": band.original, "categoryValueRef": _value(band)})


def _shape(parent: ET.Element, node: Node, layout: Layout) -> None:
    """A node; incoming flows stand before outgoing ones, as the schema demands."""
    attributes = {"id": node.id}
    if str(node.label):
        attributes["name"] = str(node.label)
    element = ET.SubElement(parent, _model(_tag(node)), attributes)
    if node.place is not None and node.place.original:
        ET.SubElement(element, _model("documentation")).text = node.place.original
    for edge in layout.edges:
        if edge.target == node.id:
            ET.SubElement(element, _model("incoming")).text = edge.id
    for edge in layout.edges:
        if edge.source == node.id:
            ET.SubElement(element, _model("outgoing")).text = edge.id


def _tag(node: Node) -> str:
    if node.place is not None and node.kind == "task":
        return "userTask" if node.place.waits_for_somebody else "serviceTask"
    return TAGS[node.kind]


def _flow(parent: ET.Element, edge: Edge, *, is_choice: bool) -> None:
    """A sequence flow; it has a name and a condition where its source is a gateway.

    Two flows between the same shapes differ by their conditions: a modeller merges them otherwise.
    """
    attributes = {"id": edge.id, "sourceRef": edge.source, "targetRef": edge.target}
    if edge.change is not None and is_choice:
        attributes["name"] = str(edge.change.label)
    element = ET.SubElement(parent, _model("sequenceFlow"), attributes)
    if edge.change is not None:
        ET.SubElement(element, _model("documentation")).text = edge.change.name
        if is_choice:
            ET.SubElement(element, _model("conditionExpression")).text = edge.change.name


def _picture(root: ET.Element, layout: Layout, name: str) -> None:
    """The diagram: bounds of shapes, way points of flows."""
    picture = ET.SubElement(root, f"{{{DIAGRAM}}}BPMNDiagram", {"id": "diagram"})
    plane = ET.SubElement(picture, f"{{{DIAGRAM}}}BPMNPlane", {"id": "plane", "bpmnElement": name})
    for band in layout.bands:
        _bounded(plane, band.original, (band.left, band.top, band.right - band.left, band.bottom - band.top))
    for node in layout.nodes.values():
        _bounded(plane, node.id, (node.left, node.top, node.width, node.height))
    for edge in layout.edges:
        attributes = {"id": f"{edge.id}_di", "bpmnElement": edge.id}
        line = ET.SubElement(plane, f"{{{DIAGRAM}}}BPMNEdge", attributes)
        for x, y in edge.points:
            ET.SubElement(line, f"{{{WAYS}}}waypoint", {"x": str(x), "y": str(y)})


def _bounded(plane: ET.Element, name: str, bounds: tuple[int, int, int, int]) -> None:
    shape = ET.SubElement(plane, f"{{{DIAGRAM}}}BPMNShape", {"id": f"{name}_di", "bpmnElement": name})
    attributes = dict(zip(("x", "y", "width", "height"), map(str, bounds), strict=True))
    ET.SubElement(shape, f"{{{BOUNDS}}}Bounds", attributes)


def _value(band: Band) -> str:
    return f"value_{band.original}"


def _model(tag: str) -> str:
    return f"{{{MODEL}}}{tag}"
