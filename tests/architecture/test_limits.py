"""How long things may get: what is longer does more than one thing."""

import ast
from statistics import median

from tests.architecture.source import Function, Module, length, modules

FUNCTION_LINES = 50
VIEW_LINES = 20
MODULE_LINES = 400
PARAMETERS = 6
MEDIAN_LINES = 8
# Where the verbs live.
VERB_PACKAGES = (
    "identity_manager.workflow",
    "identity_manager.people",
    "identity_manager.catalogue",
    "identity_manager.mail.outbox",
)


def where(module: Module, function: Function) -> str:
    return f"{module.path}:{function.lineno} {function.name}"


def is_view(function: Function) -> bool:
    """A view takes a request first, or (a method of a view class) second."""
    parameters = [argument.arg for argument in function.args.args if argument.arg not in {"self", "cls"}]
    return bool(parameters) and parameters[0] in {"request", "_request"}


def test_no_function_is_too_long() -> None:
    long = [
        f"{where(module, function)}: {length(function)} lines"
        for module in modules()
        for function in module.functions()
        if length(function) > FUNCTION_LINES
    ]
    assert long == []


def test_no_view_is_too_long() -> None:
    long = [
        f"{where(module, function)}: {length(function)} lines"
        for module in modules()
        if module.path.stem == "views" or module.path.stem.endswith("_views")
        for function in module.functions()
        if is_view(function) and length(function) > VIEW_LINES
    ]
    assert long == []


def test_functions_are_short_as_a_rule() -> None:
    lengths = [length(function) for module in modules() for function in module.functions()]
    assert median(lengths) <= MEDIAN_LINES


def test_no_module_is_too_long() -> None:
    long = {str(module.path): module.text.count("\n") for module in modules()}
    assert {path: lines for path, lines in long.items() if lines > MODULE_LINES} == {}


def test_no_function_takes_too_many_parameters() -> None:
    many = [
        where(module, function)
        for module in modules()
        for function in module.functions()
        if count(function.args) > PARAMETERS
    ]
    assert many == []


def count(arguments: ast.arguments) -> int:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len([argument for argument in named if argument.arg not in {"self", "cls"}])


def verbs() -> list[tuple[Module, Function]]:
    """Who acts is known in a verb; a question about who may is a policy's, and changes nothing."""
    return [
        (module, function)
        for module in modules()
        if module.name.startswith(VERB_PACKAGES) and not is_policy(module.name)
        for function in module.tree.body
        if isinstance(function, Function) and not function.name.startswith(("_", "may_"))
        if "actor" in parameters(function)
    ]


def is_policy(name: str) -> bool:
    return "policy" in name.split(".") or name.endswith("_policy")


def parameters(function: Function) -> list[str]:
    arguments = function.args
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def test_verbs_take_their_parameters_by_name() -> None:
    """All but a row that the caller holds locked: which id is whose must be read at the call."""
    loose = [where(module, function) for module, function in verbs() if len(function.args.args) > 1]
    assert loose == []


def test_verbs_are_found() -> None:
    assert {"enable", "approve", "accept"} <= {function.name for _, function in verbs()}
