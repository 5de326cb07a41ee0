"""No module imports itself by way of others, imports for typing included."""

from collections.abc import Container
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture.source import modules


def graph() -> dict[str, set[str]]:
    """Each module of the product, and those that it imports anywhere in its text."""
    found = {module.name.removesuffix(".__init__"): module for module in modules()}
    return {
        name: {nearest(each, found) for each in module.imports()} - {name, ""}
        for name, module in found.items()
    }


def nearest(name: str, known: Container[str]) -> str:
    """The module that a dotted name lies in; empty where it is none of ours."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def circle(imports: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, in order; none where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_there_is_no_circle() -> None:
    imports = graph()
    assert sum(len(targets) for targets in imports.values()) > 2000
    assert circle(imports) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


@pytest.mark.parametrize(
    ("name", "module"),
    [("identity_manager.queue.publish", "identity_manager.queue"), ("os.path.join", ""), ("", "")],
)
def test_the_nearest_module(name: str, module: str) -> None:
    assert nearest(name, {"identity_manager", "identity_manager.queue"}) == module
