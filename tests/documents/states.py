"""docs/reference/states.md: the state machines, read from the models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models

from ca_bridge.models import CaOrder
from identity_manager.models import Certificate, Person, SoftwareToken, TokenRequest
from identity_manager.models.requests.token_states import DeliveryState
from tests.documents import markdown


@dataclass(frozen=True)
class Machine:
    """A model with a state, and what to say of it first."""

    title: str
    model: type[models.Model]
    lead: str


MACHINES = (
    Machine(
        "Person",
        Person,
        "Only an Active person gets software tokens. *Locked* is final.",
    ),
    Machine(
        "Request",
        TokenRequest,
        "A request without an approver goes on from `requested` in the same moment. Beside the state it can "
        "be *stopped* (the person's data have changed) or *postponed*.",
    ),
    Machine(
        "Software token",
        SoftwareToken,
        "A token is `active` when it is delivered *and* its passphrase is acknowledged, in whatever order.",
    ),
    Machine(
        "Certificate",
        Certificate,
        "While it is `ordered` its wrapped private key lies on its row; sealing the token erases it.",
    ),
    Machine(
        "CA order",
        CaOrder,
        "The bridge's journal: what was asked of a certificate authority under one idempotency key. "
        "`unknown`: asked, and no answer came; the authority is searched before it is asked again.",
    ),
)


def page() -> str:
    """Every machine with its states and transitions, and the deliveries."""
    return markdown.page("reference/states.md", *(_machine(each) for each in MACHINES), _deliveries())


def _machine(machine: Machine) -> str:
    field: Any = machine.model._meta.get_field("state")
    labels = {value: str(label) for value, label in field.flatchoices}
    ways = _ways(machine.model, field)
    left = {source for _name, sources, _targets, _words in ways for source in sources}
    reached = {target for _name, _sources, targets, _words in ways for target in targets} | {field.default}
    states = [
        (
            markdown.code(value),
            label,
            "" if value in left else "final" if value in reached else "no transition leads here",
        )
        for value, label in labels.items()
    ]
    rows = [
        (markdown.code(name), markdown.codes(sources), markdown.codes(targets), words)
        for name, sources, targets, words in ways
    ]
    return markdown.section(
        machine.title,
        machine.lead,
        markdown.table(("state", "on the screen", ""), states),
        markdown.table(("transition", "from", "to", "when"), rows),
    )


def _ways(model: type[models.Model], field: Any) -> list[tuple[str, list[str], list[str], str]]:
    """Each transition once, in the order of the source: name, where it starts, where it ends, docstring."""
    order = [value for value, _label in field.flatchoices]
    found: dict[str, tuple[set[str], set[str]]] = {}
    for way in field.get_all_transitions(model):
        sources, targets = found.setdefault(way.name, (set(), set()))
        sources.add(way.source)
        targets.update(getattr(way.target, "allowed_states", None) or [way.target])
    return [
        (
            name,
            sorted(sources, key=order.index),
            sorted(targets, key=order.index),
            _words(getattr(model, name)),
        )
        for name, (sources, targets) in sorted(found.items(), key=lambda item: _line(model, item[0]))
    ]


def _line(model: type[models.Model], name: str) -> int:
    method: Callable[..., Any] = getattr(model, name)
    return int(method.__wrapped__.__code__.co_firstlineno)  # type: ignore[attr-defined]  set by functools.wraps


def _words(method: Callable[..., Any]) -> str:
    return (method.__doc__ or "").strip().partition("\n\n")[0]


def _deliveries() -> str:
    rows = [(markdown.code(each.value), str(each.label)) for each in DeliveryState]
    lead = (
        "A mark of the software token beside its state, no machine: it says what became of the last delivery."
    )
    return markdown.section("Delivery", lead, markdown.table(("mark", "on the screen"), rows))
