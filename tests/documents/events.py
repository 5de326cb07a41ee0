"""docs/reference/events.md: the audit log's events, with who causes them and which facts they carry.

Facts and actors are read from the calls of `audit.record`, also where an event is handed to a function of the
same module that records it.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from django.utils.translation import override

from identity_manager.audit import Event
from identity_manager.console.history.event_wording import WORDS
from identity_manager.models.audit.audit_event import PLAIN_FACTS
from tests.architecture.source import Function, Module, modules
from tests.documents import markdown

# Of this one no call tells: it stands in the place of an event whose content was removed.
IN_PLACE = {Event.FORGOTTEN: "jobs.retention.forget_sign_ins"}
A_PERSON, THE_SYSTEM = "a person", "the system"
NOT_FACTS = {"actor", "subject"}
BY_CODE = "what the failure's code needs"


@dataclass
class Told:
    """What the source says of one event."""

    places: set[str] = field(default_factory=set)
    actors: set[str] = field(default_factory=set)
    facts: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Place:
    """A function of a module, with what a look at it needs."""

    module: Module
    function: Function

    @property
    def name(self) -> str:
        return f"{self.module.name.removeprefix('identity_manager.')}.{self.function.name}"

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.function) if isinstance(node, ast.Call))


def page() -> str:
    """Every event, in the order of the list."""
    told = collected()
    with override("en"):
        rows = [_row(event, told[event]) for event in Event]
    heads = ("event", "in the history", "by", "facts", "recorded in")
    return markdown.page("reference/events.md", markdown.table(heads, rows))


def _row(event: Event, told: Told) -> tuple[str, ...]:
    return (
        markdown.code(event.value),
        str(WORDS[event].sentence),
        " or ".join(sorted(told.actors)),
        ", ".join(name if name in PLAIN_FACTS else f"*{name}*" for name in sorted(told.facts)),
        markdown.codes(sorted(told.places)),
    )


@cache
def collected() -> dict[Event, Told]:
    """What the whole source says of every event."""
    told: dict[Event, Told] = defaultdict(Told)
    for module in modules("identity_manager", "selfservice"):
        helpers = _helpers(module)
        for function in module.functions():
            _look(Place(module, function), helpers, told)
    for event, place in IN_PLACE.items():
        told[event] = Told({place}, {THE_SYSTEM}, set())
    return told


def _look(place: Place, helpers: dict[str, Place], told: dict[Event, Told]) -> None:
    for call in place.calls():
        given = [node for argument in call.args for node in _events(argument)]
        if not given:
            continue
        helper = helpers.get(ast.unparse(call.func))
        for node in given if helper or _records(call) else ():
            entry = told[Event[node.attr]]
            entry.places.add(place.name)
            if helper is None:
                _take(entry, place, call)
            else:
                _take_from_helper(entry, helper, call)


def _helpers(module: Module) -> dict[str, Place]:
    """The functions of the module that record an event that they were given."""
    places = (Place(module, function) for function in module.functions())
    return {
        place.function.name: place
        for place in places
        if any(_records(call) and not _events(call.args[0]) for call in place.calls())
    }


def _take(entry: Told, place: Place, call: ast.Call, *, handed: bool = True) -> None:
    """handed: with what any other function of the module hands to this one as further facts."""
    for keyword in call.keywords:
        if keyword.arg == "actor":
            entry.actors |= _actors(place.function, keyword.value)
        elif keyword.arg is None:
            entry.facts |= _spread(place, keyword.value) | (_handed(place) if handed else set())
        elif keyword.arg not in NOT_FACTS:
            entry.facts.add(keyword.arg)


def _take_from_helper(entry: Told, helper: Place, handing: ast.Call) -> None:
    """What the helper records, and what it was handed for it."""
    for call in helper.calls():
        if _records(call):
            _take(entry, helper, call, handed=False)
    entry.facts |= {word.arg for word in handing.keywords if word.arg} - NOT_FACTS


def _records(call: ast.Call) -> bool:
    return bool(call.args) and ast.unparse(call.func) in ("audit.record", "audit.event_about")


def _events(node: ast.AST) -> list[ast.Attribute]:
    found = (each for each in ast.walk(node) if isinstance(each, ast.Attribute))
    return [each for each in found if ast.unparse(each.value) in {"Event", "audit.Event"}]


def _actors(function: Function, value: ast.expr) -> set[str]:
    """None is the system; a parameter that may be None is either."""
    text = ast.unparse(value)
    if text == "None":
        return {THE_SYSTEM}
    arguments = (*function.args.args, *function.args.kwonlyargs)
    annotations = {each.arg: ast.unparse(each.annotation) for each in arguments if each.annotation}
    return {A_PERSON, THE_SYSTEM} if "None" in annotations.get(text, "") else {A_PERSON}


def _spread(place: Place, value: ast.expr) -> set[str]:
    """The names in `**value`: a dictionary, a variable that holds one, a function that returns one."""
    text = ast.unparse(value)
    if text == "failure.facts":
        return {BY_CODE}
    if isinstance(value, ast.Call):
        functions = [each for each in place.module.functions() if each.name == ast.unparse(value.func)]
        return {name for each in functions for name in _keys(each)}
    if isinstance(value, ast.Name):
        assigned = [
            each.value
            for each in ast.walk(place.function)
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == text
        ]
        return {name for each in assigned for name in _keys(each)}
    return _keys(value)


def _handed(place: Place) -> set[str]:
    """What the module's other functions hand to this one, where it takes any keywords."""
    if place.function.args.kwarg is None:
        return set()
    own = {each.arg for each in (*place.function.args.args, *place.function.args.kwonlyargs)}
    calls = (
        call
        for function in place.module.functions()
        for call in Place(place.module, function).calls()
        if ast.unparse(call.func) == place.function.name
    )
    return {word.arg for call in calls for word in call.keywords if word.arg} - own


def _keys(node: ast.AST) -> set[str]:
    dictionaries = (each for each in ast.walk(node) if isinstance(each, ast.Dict))
    keys = (key for each in dictionaries for key in each.keys if isinstance(key, ast.Constant))
    return {str(key.value) for key in keys}
