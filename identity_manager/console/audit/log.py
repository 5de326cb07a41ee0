"""AUDIT LOG page: filters, events, state of the chain, export."""

import uuid
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Max, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.audit.verification import AuditFault
from identity_manager.console.access import audit as audit_access
from identity_manager.console.access import offices
from identity_manager.console.access import persons as access_persons
from identity_manager.console.audit.event_columns import COLUMNS, EventRow
from identity_manager.console.history import event_wording
from identity_manager.console.lists import pagination
from identity_manager.console.search import requests as request_list
from identity_manager.console.search import search as searching
from identity_manager.console.search.forms import DayField, FilterField, WordsField
from identity_manager.models import (
    AuditChain,
    AuditCheck,
    AuditEvent,
    AuditHead,
    AuditHeadExport,
    HeadKind,
    Person,
    TokenRequest,
)
from identity_manager.models.audit.audit_event import AuditEventQuerySet
from identity_manager.models.identifiers import first_id_of
from identity_manager.models.words import Vocabulary
from identity_manager.queries import list_rows
from identity_manager.ui.context import ADMINISTRATORS
from identity_manager.ui.row_addresses import addresses_of

CHECKS_SHOWN = 10
EVENTS_ON_A_PAGE = 50
# Details are not indexed: number of events scanned for words per page.
READ_FOR_WORDS = 200_000
LATE = timedelta(minutes=1)
LEEWAY = timedelta(hours=1)  # between an event's time and the time in its UUIDv7
FAULTS = Vocabulary(
    "faults of the audit log",
    {
        AuditFault.CHANGED: _("changed"),
        AuditFault.REMOVED: _("removed"),
        AuditFault.MOVED: _("moved"),
        AuditFault.INSERTED: _("put in"),
        AuditFault.CLOCK: _("clock was ahead"),
        AuditFault.CUT_OFF: _("cut off"),
        AuditFault.BEGINNING: _("no beginning"),
        AuditFault.HEAD: _("signature does not fit"),
        AuditFault.KEY: _("key is missing"),
    },
)


def _event_choices() -> list[tuple[str, Any]]:
    return sorted(event_wording.SENTENCES.items())


class HistoryForm(forms.Form):
    """The filters of the list."""

    q = WordsField(_("Words in the details"))
    event = FilterField(_("Event"), anything=_("every event"), choices=_event_choices())
    who = WordsField(_("Who did it"))
    about = WordsField(_("About whom"))
    request = WordsField(_("Reference of the request"))
    since = DayField(_("On or after"))
    until = DayField(_("On or before"))

    @property
    def filters(self) -> list[forms.BoundField]:
        """The filters in the fold-out below the search line."""
        return [self[name] for name in self.fields if name != "q"]


@dataclass(frozen=True)
class Reach:
    """How far back details were scanned for words, and the link that continues from there."""

    pk: uuid.UUID
    back_to: datetime
    further: str


def context(request: HttpRequest, actor: Person) -> dict[str, Any]:
    """The page; invalid filters find nothing and say why."""
    form = HistoryForm(request.GET)
    rows, reach = found(actor, form), reach_of(request.GET, form)
    if reach is not None:
        rows = rows.filter(pk__gte=reach.pk)
    pages = pagination.CappedPaginator(
        rows, per_page=EVENTS_ON_A_PAGE, by_key=list_rows.events(COLUMNS.fields).in_bulk
    )
    page = pagination.page_of(request, pages)
    persons = {event.person for event in page.object_list if event.person}
    requests = [event.request_id for event in page.object_list if event.request_id]
    rows_shown = prepared(
        page.object_list,
        persons={person.pk for person in persons if access_persons.may_see(actor, person)},
        requests=request_list.readable_of(actor, requests),
    )
    return {
        "tab": "admin" if offices.holds(actor, ADMINISTRATORS) else searching.tab(actor),
        "form": form,
        "query": request.GET.urlencode(),
        "is_filtered": any(form.cleaned_data.values()) if form.is_valid() else True,
        "filters_set": sum(bool(value) for name, value in form.cleaned_data.items() if name != "q"),
        "page": page,
        "reach": reach,
        "table": COLUMNS.draw(actor, rows_shown),
        "may_take_pack": audit_access.reads_whole_log(actor),
        "may_check": offices.holds(actor, audit_access.LOG_CHECKERS),
    }


def found(actor: Person, form: HistoryForm) -> AuditEventQuerySet:
    """Readable events that match the filters, newest first."""
    rows = audit_access.visible_events(actor)
    if not form.is_valid():
        return rows.none()
    wanted = form.cleaned_data
    rows = _by_person(rows, wanted)
    if wanted["event"]:
        rows = rows.filter(name=wanted["event"])
    if wanted["request"]:
        named = TokenRequest.objects.with_reference(wanted["request"].strip().upper())
        rows = rows.filter(request__in=named.order_by().values("pk"))
    if wanted["since"]:
        since = _beginning(wanted["since"])
        rows = rows.filter(at__gte=since, pk__gte=first_id_of(since - LEEWAY))
    if wanted["until"]:
        rows = rows.filter(at__lt=_end(wanted["until"]), pk__lt=_first_id_after(wanted["until"]))
    if wanted["q"]:
        text = Cast("facts", TextField())
        rows = rows.annotate(facts_text=text).filter(facts_text__icontains=wanted["q"].strip())
    return rows.order_by("-pk")


def _by_person(rows: AuditEventQuerySet, wanted: dict[str, Any]) -> AuditEventQuerySet:
    if wanted["who"]:
        rows = rows.filter(actor__in=Person.objects.matching(wanted["who"]).values("pk"))
    if wanted["about"]:
        rows = rows.filter(person__in=Person.objects.matching(wanted["about"]).values("pk"))
    return rows


def reach_of(asked: QueryDict, form: HistoryForm) -> Reach | None:
    """End of the scan of READ_FOR_WORDS events; None without words, or where everything was scanned."""
    if not form.is_valid() or not form.cleaned_data["q"]:
        return None
    since, until = form.cleaned_data["since"], form.cleaned_data["until"]
    rows = AuditEvent.objects.filter(pk__lt=_first_id_after(until)) if until else AuditEvent.objects.all()
    oldest = list(rows.order_by("-pk").values_list("pk", flat=True)[READ_FOR_WORDS - 1 : READ_FOR_WORDS + 1])
    if len(oldest) < 2:  # everything was scanned
        return None
    back_to = AuditEvent.objects.values_list("at", flat=True).get(pk=oldest[0])
    day = timezone.localdate(back_to)
    if since and since > day:
        return None
    further = asked.copy()
    further.pop("page", None)
    further["until"] = day.isoformat()
    return Reach(oldest[0], back_to, f"?{further.urlencode()}" if day != until else "")


def _end(day: Any) -> datetime:
    return _beginning(day + timedelta(days=1))


def _first_id_after(day: Any) -> uuid.UUID:
    return first_id_of(_end(day) + LEEWAY)


def _beginning(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def with_more(rows: AuditEventQuerySet) -> QuerySet[AuditEvent]:
    """With persons, objects, and the time of the signature that covers them."""
    return list_rows.signed_events(rows, COLUMNS.fields)


def prepared(
    events: Iterable[AuditEvent],
    *,
    persons: Container[uuid.UUID] = frozenset(),
    requests: Container[uuid.UUID] = frozenset(),
) -> Iterator[EventRow]:
    """The rows of events, in words. persons, requests: which the officer may open."""
    names = event_wording.type_names()
    person, request = addresses_of("console:person"), addresses_of("console:request")
    for event in events:
        yield EventRow(
            event,
            event_wording.timeline_event(event, type_names=names),
            getattr(event, "head_signed_at", None),
            person(event.person_id) if event.person_id and event.person_id in persons else "",
            request(event.request_id) if event.request_id and event.request_id in requests else "",
        )


# --- Export ----------------------------------------------------------------------------------------
def wanted_of(post: QueryDict) -> HistoryForm:
    """The list's filters, as sent by the export form."""
    return HistoryForm(QueryDict(post.get("filters", "")))


def filters_of(form: HistoryForm) -> dict[str, str | bool]:
    """The filters for the audit log: names of persons and words as True."""
    plain = {"event", "since", "until"}
    return {name: str(value) if name in plain else True for name, value in form.cleaned_data.items() if value}


# --- How the log stands ----------------------------------------------------------------------------
def check_context() -> dict[str, Any]:
    """State of the log: end of the chain, last head, exports of heads, last verifications."""
    end = AuditChain.objects.filter(pk=1).first()
    waiting = AuditEvent.objects.unsealed().order_by("at").first()
    checks = list(AuditCheck.objects.select_related("asked_by")[:CHECKS_SHOWN])
    return {
        "tab": "admin",
        "end": end,
        "head": AuditHead.objects.newest(),
        "checkpoint": AuditHead.objects.filter(kind=HeadKind.CHECKPOINT).aggregate(Max("number"))[
            "number__max"
        ],
        "waiting_since": waiting.at if waiting and waiting.at < timezone.now() - LATE else None,
        "destinations": _destinations(),
        "checks": checks,
        "is_under_way": any(check.is_open for check in checks),
        "given_up": checks[0] if checks and checks[0].is_given_up else None,
        "last": AuditCheck.objects.finished().first(),
        "kinds": FAULTS,
    }


def findings() -> list[Any]:
    """Findings of the last finished verification."""
    last = AuditCheck.objects.finished().first()
    return list(last.findings) if last else []


def _destinations() -> list[tuple[str, AuditHeadExport | None]]:
    known = {row.destination: row for row in AuditHeadExport.objects.all()}
    return [(destination, known.get(destination)) for destination in settings.AUDIT_HEAD_EXPORT]
