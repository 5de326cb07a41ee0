"""REQUESTS: which ones, in which order, by what was asked for in the address."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest

from identity_manager.console import access, tables
from identity_manager.console.forms import MAIL_REFUSED, OPEN, RequestFilterForm
from identity_manager.models import MailState, OutgoingMail, Person, SoftwareToken, TokenRequest
from identity_manager.models.token_request import ENDED

ORDERS: tables.Orders = {
    "asked": ("created_at",),
    "person": ("person__surname", "person__given_name"),
    "state": ("state", "created_at"),
}


def context(request: HttpRequest, actor: Person) -> dict[str, Any]:
    """What the page draws. A filter that nobody knows is left out, so an old bookmark still opens."""
    form = RequestFilterForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {}
    sort = tables.order_of(request, ORDERS, "-asked")
    rows = tables.in_order(_found(access.visible_requests(actor), wanted), sort, ORDERS)
    return {
        "tab": "requests",
        "form": form,
        "is_filtered": any(wanted.values()) or not form.is_valid(),
        "sort": sort,
        "page": tables.page_of(request, tables.CappedPaginator(_with_lines(rows))),
    }


def _found(rows: QuerySet[TokenRequest], wanted: dict[str, str]) -> QuerySet[TokenRequest]:
    state, kind, text = wanted.get("state", ""), wanted.get("kind", ""), wanted.get("q", "").strip()
    rows = _in_state(rows, state)
    if kind:
        rows = rows.filter(kind=kind)
    if text:
        persons = Person.objects.matching(text).values("pk")
        rows = rows.filter(Q(reference__istartswith=text) | Q(person__in=persons))
    return rows


def _in_state(rows: QuerySet[TokenRequest], state: str) -> QuerySet[TokenRequest]:
    if state == OPEN:
        return rows.exclude(state__in=ENDED)
    if state == MAIL_REFUSED:
        return rows.filter(pk__in=OutgoingMail.objects.filter(state=MailState.FAILED).values("request_id"))
    return rows.filter(state=state) if state else rows


def _with_lines(rows: QuerySet[TokenRequest]) -> QuerySet[TokenRequest]:
    tokens = SoftwareToken.objects.select_related("token_type").defer("passphrase_wrapped", "snapshot")
    return rows.select_related("person", "requested_by").prefetch_related(Prefetch("tokens", tokens))
