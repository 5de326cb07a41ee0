"""Request search in SEARCH and REQUESTS: filters and order."""

import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, prefetch_related_objects
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from identity_manager.console.access import offices
from identity_manager.console.access import requests as access_requests
from identity_manager.console.forms.fields import MAIL_REFUSED, OPEN
from identity_manager.console.lists import filtering
from identity_manager.console.lists.columns import Columns
from identity_manager.console.search.forms import LATE, WAITING, RequestForm, key_in
from identity_manager.console.search.kind import TOTAL, SearchKind, Table, Wanted, beginning, in_days
from identity_manager.console.search.request_columns import COLUMNS
from identity_manager.models import Approval, AskedApprover, OutgoingMail, Person, SoftwareToken, TokenRequest
from identity_manager.models.requests.states import NOT_ENDED
from identity_manager.queries import list_rows, request_progress
from identity_manager.ui.context import REQUEST_READERS
from identity_manager.ui.row_addresses import addresses_of

_NOT_OF_A_REFERENCE = re.compile(r"[^0-9A-Z]")
_REFERENCE_HALF = 4


def found(rows: QuerySet[TokenRequest], wanted: Wanted) -> QuerySet[TokenRequest]:
    """The requests that are wanted."""
    rows = _in_state(rows, wanted["state"])
    if wanted["request_kind"]:
        rows = rows.filter(kind=wanted["request_kind"])
    if wanted["batch_order"]:
        rows = rows.filter(request_progress.of_order(wanted["batch_order"].strip().upper()))
    if wanted["became"]:
        rows = rows.filter(request_progress.condition(wanted["became"]))
    if wanted["origin"]:
        rows = rows.filter(origin=wanted["origin"])
    if wanted["token_type"]:
        tokens = SoftwareToken.objects.filter(type_code=wanted["token_type"])
        rows = rows.filter(filtering.with_related(tokens, "request"))
    rows = _within_days(_of_persons(rows, wanted), wanted)
    return rows.filter(_of_text(wanted["q"]))


def _in_state(rows: QuerySet[TokenRequest], state: str) -> QuerySet[TokenRequest]:
    if state == OPEN:
        return rows.filter(state__in=NOT_ENDED)
    if state == MAIL_REFUSED:
        return rows.filter(pk__in=OutgoingMail.objects.in_trouble().values("request_id"))
    return rows.filter(state=state) if state else rows


def _of_persons(rows: QuerySet[TokenRequest], wanted: Wanted) -> QuerySet[TokenRequest]:
    if wanted["unit"]:
        persons = Person.objects.filter(organisational_unit=wanted["unit"])
        rows = rows.filter(filtering.with_related(persons, "pk", "person_id"))
    if wanted["approver"] or wanted["answer"]:
        rows = rows.filter(_of_approver(wanted["approver"], wanted["answer"]))
    if wanted["asked_by"]:
        askers = Person.objects.matching(wanted["asked_by"])
        rows = rows.filter(filtering.of_matching_persons(TokenRequest.objects.all(), "requested_by", askers))
    return rows


def _of_approver(approver: str, answer: str) -> Q:
    """Condition on requests that this approver (empty: any) was asked for, or has decided."""
    named = {"approver": key_in(approver)} if approver else {}
    asked = AskedApprover.objects.filter(**named)
    if answer in (WAITING, LATE):
        unanswered = asked.unanswered().filter(request=OuterRef("pk"), reminded_at__isnull=answer == WAITING)
        return Q(Exists(unanswered), pk__in=TokenRequest.objects.undecided().order_by().values("pk"))
    given = Approval.objects.filter(**named, **({"decision": answer} if answer else {}))
    decided = filtering.with_related(given, "request")
    return decided if answer else decided | filtering.with_related(asked, "request")


def _within_days(rows: QuerySet[TokenRequest], wanted: Wanted) -> QuerySet[TokenRequest]:
    if wanted["asked_from"]:
        rows = rows.filter(created_at__gte=beginning(wanted["asked_from"]))
    if wanted["asked_until"]:
        rows = rows.filter(created_at__lt=beginning(wanted["asked_until"] + timedelta(days=1)))
    if wanted["ended_within"]:
        rows = rows.filter(ended_at__gte=in_days(f"-{wanted['ended_within']}"))
    if wanted["ended_from"]:
        rows = rows.filter(ended_at__gte=beginning(wanted["ended_from"]))
    return rows


def _of_text(text: str) -> Q:
    """By reference, with or without its hyphen, or by person."""
    if not text:
        return Q()
    persons, requests = Person.objects.matching(text), TokenRequest.objects.all()
    symbols = _NOT_OF_A_REFERENCE.sub("", text.upper())
    if not symbols:
        return filtering.of_matching_persons(requests, "person", persons)
    beginning = "-".join(filter(None, (symbols[:_REFERENCE_HALF], symbols[_REFERENCE_HALF:])))
    named = requests.with_reference(beginning).order_by()
    return filtering.of_matching_persons(requests, "person", persons, Q(pk__in=named.values("pk")))


def readable_of(actor: Person, keys: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Keys of the requests that the officer may read; no query for who reads all of them, or none."""
    named = set(keys)
    if not named or not offices.holds(actor, REQUEST_READERS):
        return set()
    if access_requests.reads_all(actor):
        return named
    return set(access_requests.visible_requests(actor).filter(pk__in=named).values_list("pk", flat=True))


def with_lines(rows: QuerySet[TokenRequest], shown: Columns) -> QuerySet[TokenRequest]:
    """Requests with what their rows show in these columns, and nothing else."""
    lines = Prefetch("tokens", list_rows.narrow_tokens(), to_attr="listed_tokens")
    return list_rows.narrow_requests(rows, shown.fields).prefetch_related(lines)


def _with_all(rows: QuerySet[TokenRequest]) -> QuerySet[TokenRequest]:
    """For a sheet, all that is known of them."""
    tokens = SoftwareToken.objects.select_related("token_type").defer("passphrase_wrapped", "snapshot")
    return rows.select_related("person", "requested_by").prefetch_related(Prefetch("tokens", tokens))


def _prepared(_actor: Person, rows: Iterable[Any]) -> list[TokenRequest]:
    return prepared(list(rows))


def prepared(rows: list[Any]) -> list[Any]:
    """Give requests what their cells show: approvals, and the addresses of page and dialog to decide."""
    page, decide = addresses_of("console:request"), addresses_of("console:request-decide")
    for row in rows:
        row.page, row.decide_page = page(row.pk), decide(row.pk)
    return prefetch_approvals(rows)


def prefetch_approvals(rows: list[TokenRequest]) -> list[TokenRequest]:
    """Have rows that need several approvals know those that were given; asks nothing for others."""
    several = [row for row in rows if row.approvals_needed > 1]
    given = Approval.objects.select_related("approver", "deputyship__principal")
    prefetch_related_objects(several, Prefetch("approvals", given))
    return rows


def _listed(keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, TokenRequest]:
    """Requests by key, with their tokens."""
    rows = list_rows.requests(COLUMNS.fields).in_bulk(keys)
    list_rows.prefetch_lines(rows.values())
    return rows


REQUEST = SearchKind(
    name="request",
    label=_("Request"),
    icon="inbox",
    readers=REQUEST_READERS,
    form=RequestForm,
    reach=access_requests.visible_requests,
    found=found,
    by_key=lambda _actor: _listed,
    table=Table(
        columns=COLUMNS,
        prepared=_prepared,
        order="-asked",
        checkbox="requests",
        named=lambda row: (row.pk, row.reference),
        file_name="requests",
        export_rows=_with_all,
    ),
    counted=ngettext_lazy("%(found)s of %(total)s request", "%(found)s of %(total)s requests", TOTAL),
    too_many=_("More than %(found)s of %(total)s requests; these are the first %(found)s"),
    nothing=_("No request like this"),
    advice=_("Try another state, fewer words or other days."),
    hint=_("A reference is found by its beginning, with or without the hyphen; a person as in SEARCH."),
)
