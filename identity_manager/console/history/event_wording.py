"""Wording of audit events in lists and timelines; the words of each event stand in wording/."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.event_facts import Facts
from identity_manager.console.history.wording import (
    api_clients,
    archive,
    authorities,
    directory,
    events,
    operation,
    people,
    recovery,
    requests,
    standing_orders,
    targets,
)
from identity_manager.console.history.wording.shape import Wording
from identity_manager.models import AuditEvent, VersionState
from identity_manager.models.requests.software_token import WITHOUT_TYPE
from identity_manager.models.words import Vocabulary
from identity_manager.queries import console_pages
from identity_manager.ui import parts

SYSTEM = _("The system")
ERASED = _("Somebody who was erased")

WORDS: dict[Event, Wording] = {
    **people.WORDS,
    **directory.WORDS,
    **api_clients.WORDS,
    **requests.WORDS,
    **standing_orders.WORDS,
    **authorities.WORDS,
    **archive.WORDS,
    **recovery.WORDS,
    **operation.WORDS,
    **events.WORDS,
    **targets.WORDS,
}

# Milestones: shown where the events of many requests are listed together.
MILESTONES = (
    *(Event.REQUEST_CREATED, Event.RECOVERY_ASKED),
    Event.REQUEST_APPROVED,
    Event.REQUEST_REJECTED,
    Event.REQUEST_REDUCED,
    Event.REQUEST_POSTPONED,
    Event.REQUEST_RETURNED,
    Event.REQUEST_ESCALATED,
    Event.REQUEST_LEFT_UNDECIDED,
    Event.REQUEST_STOPPED,
    Event.REQUEST_RESUMED,
    Event.REQUEST_APPROVAL_LOST,
    Event.REQUEST_SENT_ROUND,
    *(Event.REQUEST_ACCEPTED, Event.REQUEST_DECLINED),
    Event.REQUEST_LAPSED,
    Event.REQUEST_CANCELLED,
    Event.REQUEST_FAILED,
    Event.REQUEST_RETRIED,
    *(Event.REQUEST_REST_GIVEN, Event.REQUEST_REST_REVOKED),
    *(Event.ORDER_ASKED_AGAIN, Event.ORDER_GIVEN_UP),
    *(Event.REQUEST_ISSUED, Event.REQUEST_COMPLETED),
    Event.TOKEN_DELIVERY_FAILED,
    Event.TOKEN_LAPSED,
    *(Event.TOKEN_REVOKED, Event.TOKEN_REPLACED),
)
SENTENCES = Vocabulary("audit events", {event.value: words.sentence for event, words in WORDS.items()})


def timeline_event(event: AuditEvent, *, type_names: Mapping[str, str] | None = None) -> parts.TimelineEvent:
    """An event of with_wording_columns() as a timeline entry."""
    words = WORDS[Event.FORGOTTEN if event.is_body_removed else Event(event.name)]
    detail = words.detail(_with_names(event.facts, type_names or {}))
    about = token_of(event)
    return parts.TimelineEvent(
        at=event.at,
        title=words.sentence,
        actor=actor_of(event),
        detail=" · ".join(filter(None, [about, detail])),
        meaning=words.meaning,
        icon=words.icon,
    )


class WordedEvent(NamedTuple):
    """An event with its timeline entry, for a table that shows both."""

    event: AuditEvent
    words: parts.TimelineEvent


def worded(event: AuditEvent, *, type_names: Mapping[str, str] | None = None) -> WordedEvent:
    """As timeline_event, with the event."""
    return WordedEvent(event, timeline_event(event, type_names=type_names))


def type_names() -> dict[str, str]:
    """Current or last name of every token type; drafts are ignored."""
    types = (each for each in console_pages.names_of_types() if each.state != VersionState.DRAFT)
    return {each.code: str(each) for each in types}


def _with_names(facts: Facts, type_names: Mapping[str, str]) -> Facts:
    """The facts, with token types by their names."""
    if "types" not in facts:
        return facts
    return {**facts, "types": [type_names.get(code, code) for code in facts["types"]]}


def actor_of(event: AuditEvent) -> str | Promise:
    """The actor: a person, an erased person, or the system."""
    if event.actor_id is None:
        return ERASED if event.actor_ref else SYSTEM
    return str(getattr(event, "actor_name", None) or event.actor)


def token_of(event: AuditEvent) -> str:
    """Name of the event's token; empty for an event of none. Only rows without names read the token."""
    if event.token_id is None:
        return ""
    return str(event.token_name or WITHOUT_TYPE) if hasattr(event, "token_name") else str(event.token)


def timeline(
    events: Iterable[AuditEvent], *, type_names: Mapping[str, str] | None = None
) -> list[parts.TimelineEvent]:
    """The events as a timeline, in the order given; type_names says what token types are called."""
    return [timeline_event(event, type_names=type_names) for event in events]
