"""State graph of requests: transitions of the state machine, with steps and mails from ROAD.

Pure. The picture (layout.py), the BPMN file (bpmn.py) and the list beside the picture are made from it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from identity_manager.audit import Event
from identity_manager.models import RequestKind, RequestOrigin, RequestState, TokenRequest
from identity_manager.workflow import ROAD, RoadStep

FIRST, LAST = RequestState.REQUESTED, RequestState.COMPLETED
# What the audit log says, and the transitions that it means. Approval and invitation are one transaction.
TRANSITIONS_OF_EVENT = {
    Event.REQUEST_REJECTED: ("reject",),
    Event.REQUEST_INVITED: ("approve", "invite"),
    Event.RECOVERY_BEGUN: ("approve", "begin_recovery"),
    Event.REQUEST_ACCEPTED: ("accept",),
    Event.REQUEST_APPROVAL_LOST: ("lose_approval",),
    Event.REQUEST_DECLINED: ("decline",),
    Event.REQUEST_LAPSED: ("lapse",),
    Event.REQUEST_FAILED: ("fail",),
    Event.REQUEST_RETRIED: ("retry",),
    Event.REQUEST_REST_GIVEN: ("retry",),
    Event.REQUEST_SENT_ROUND: ("begin_round",),
    Event.REQUEST_ISSUED: ("issue",),
    Event.REQUEST_COMPLETED: ("complete",),
    Event.REQUEST_CANCELLED: ("cancel",),
}
_BEGINNINGS = {
    RequestOrigin.ADMINISTRATOR: "step1_enable.enable",
    RequestOrigin.SELF_SERVICE: "step1_request.request",
    RequestOrigin.EXPIRY_CHECK: "step1_renew.start_by_itself",
    RequestOrigin.HOLDER_CHANGE: "renewal.holder_changes.start",
}


@dataclass(frozen=True)
class Transition:
    """One transition of the state machine: name, label, source, target."""

    name: str
    source: RequestState
    target: RequestState
    label: str | Promise


@dataclass(frozen=True)
class StateNode:
    """One state, with its data of ROAD.

    steps: numbers of the steps that begin there. original: the process of Nexus that they run under.
    waits_for_somebody: whether a person has to act on a page; else the system continues.
    """

    state: RequestState
    steps: tuple[int, ...]
    original: str
    waits_for_somebody: bool


def transitions() -> list[Transition]:
    """All transitions of the state machine of a request, in its order."""
    field: Any = TokenRequest._meta.get_field("state")
    return [
        Transition(each.name, RequestState(each.source), RequestState(each.target), each.custom["label"])
        for each in field.get_all_transitions(TokenRequest)
    ]


def state_nodes() -> list[StateNode]:
    """Every state of a request."""
    return [_place(state) for state in RequestState]


def _place(state: RequestState) -> StateNode:
    steps = [step for step in ROAD if step.request is not None and step.request[0] == state]
    originals = dict.fromkeys(step.original for step in steps if step.original and step.is_on_every_road)
    return StateNode(
        state,
        steps=tuple(sorted({step.number for step in steps})),
        original=next(iter(originals), ""),
        waits_for_somebody=any(step.page for step in steps),
    )


def beginning(origin: RequestOrigin) -> RoadStep:
    """The step of the index that opens a request of this origin."""
    return next(step for step in ROAD if _BEGINNINGS[origin] in step.verbs)


def beginning_of(request: TokenRequest) -> RoadStep:
    """The same of this request; recoveries and replacements have doors of their own."""
    own_doors = {
        RequestKind.RECOVERY: "step1_recover.recover",
        RequestKind.REPLACEMENT: "step1_replace.replace",
    }
    if request.kind in own_doors:
        return next(step for step in ROAD if own_doors[RequestKind(request.kind)] in step.verbs)
    return beginning(RequestOrigin(request.origin))


def main_road() -> list[RequestState]:
    """The states of a request without obstacles, chained by the request pairs of ROAD."""
    pairs = [step.request for step in ROAD if step.request is not None]
    onward = {source: target for source, target in pairs if _leads_on(target, pairs)}
    road = [FIRST]
    while road[-1] != LAST:
        road.append(RequestState(onward[road[-1]]))
    return road


def _leads_on(state: str, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether LAST is reachable from this state without passing FIRST."""
    if state in (FIRST, LAST):
        return state == LAST
    return any(_leads_on(target, pairs) for source, target in pairs if source == state)


def way_gone(events: Iterable[str]) -> list[Transition]:
    """The transitions of a request, from its events, oldest first.

    An event that does not fit the state is skipped: a retry of delayed work has the same name, and expired
    events are missing from the log.
    """
    arrows = {(change.name, change.source): change for change in transitions()}
    here, gone = FIRST, []
    for event in events:
        for name in TRANSITIONS_OF_EVENT.get(Event(event), ()):
            change = arrows.get((name, here))
            if change is not None:
                here = change.target
                gone.append(change)
    return gone
