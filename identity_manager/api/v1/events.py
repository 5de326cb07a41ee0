"""Audit events about the persons that the client reaches: read only, without personal facts."""

import uuid
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router
from pydantic import Field

from identity_manager.api.v1 import answers
from identity_manager.api.v1.answers import Paging
from identity_manager.api.v1.clients import actor_of, needs
from identity_manager.api.v1.schemas import EventOut, EventPage
from identity_manager.console.access import audit as access
from identity_manager.models import ApiScope

router = Router(tags=["events"])


class EventFilters(Paging):
    """Filters of the list of audit events."""

    name: Annotated[str, Field(max_length=60, pattern=r"^[a-z.-]+$")] | None = None
    person: uuid.UUID | None = None
    request: uuid.UUID | None = None
    token: uuid.UUID | None = None


@router.get("/events", operation_id="listEvents", auth=needs(ApiScope.EVENTS_READ), response=EventPage)
def list_events(request: HttpRequest, asked: Query[EventFilters]) -> HttpResponse:
    """Audit events in the order of the log: a client reads on from its last cursor and misses none.

    An event appears when it is sealed, some seconds after it happened.
    """
    wanted = asked.model_dump(include={"name", "person", "request", "token"}, exclude_none=True)
    rows = access.visible_events(actor_of(request)).filter(**wanted).sealed()
    return answers.page(request, rows, asked, shape=EventPage, by_number=True)


@router.get(
    "/events/{uuid:event_id}", operation_id="getEvent", auth=needs(ApiScope.EVENTS_READ), response=EventOut
)
def get_event(request: HttpRequest, event_id: uuid.UUID) -> HttpResponse:
    """One audit event."""
    row = get_object_or_404(access.visible_events(actor_of(request)), pk=event_id)
    return answers.one(EventOut, row)
