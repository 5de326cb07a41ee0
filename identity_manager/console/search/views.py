"""SEARCH: find a person, a request, a certificate; take what was found along."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.audit import exports
from identity_manager.console.access import offices
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.search import saved_searches, selected, selection
from identity_manager.console.search import search as searching
from identity_manager.console.search.kind import SearchKind
from identity_manager.console.search.selected import Selection
from identity_manager.models import Role
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.people import imports
from identity_manager.workflow.token_imports import decisions as token_imports


@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    """SEARCH for persons, requests and certificates of the officer's units; the POST keeps the selection."""
    offices.searcher(request)
    unsaid = searching.DEFAULT if request.GET.get("q") else None
    kind = searching.KINDS.get(request.GET["kind"]) if "kind" in request.GET else unsaid
    actor = offices.finder(request, (kind or searching.DEFAULT).readers)
    found = searching.Search(kind or searching.DEFAULT, actor, request.GET)
    posted = selected.posted(request, found.kind.table.checkbox)
    if elsewhere := selection.turn_page(request, found, posted):
        return elsewhere
    context = _context(request, found, kind, posted)
    return render(
        request, "identity_manager/search/search.html", context, status=200 if found.is_valid else 422
    )


def _context(
    request: HttpRequest, found: searching.Search, kind: SearchKind | None, posted: Selection
) -> dict[str, object]:
    """Page context; nothing is searched before a kind is chosen."""
    common = {
        "tab": "search",
        "kinds": searching.kinds_of(found.actor),
        "enters": offices.holds(found.actor, {Role.REGISTRATION_OFFICER}),
        "imports": imports.officer_obstacle(found.actor) is None,
        "imports_tokens": token_imports.officer_obstacle(found.actor) is None,
        "revokes_keys": offices.holds(found.actor, {Role.TOKEN_ADMINISTRATOR}),
        "saved": saved_searches.of(found.actor, current=found.query if kind else ""),
    }
    if kind is None:
        return common | {"search": found, "kind": found.kind, "form": found.form}
    return common | searching.context(request, found, posted) | {"actions": selection.actions(found)}


@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """Of all that a search finds, or of the chosen rows; never of a page alone."""
    actor = offices.finder(request, searching.ANY_READERS)
    try:
        chosen = selection.chosen(actor, request.POST, limit=None)
    except Refused as refused:
        return selection.refused_page(request, actor, refused)
    selection.tell_of_missing(request, chosen)
    search, table = chosen.search, chosen.search.kind.table
    filters = search.facts() if chosen.is_all else {"selection": True}
    number = chosen.rows.order_by().count()
    exports.record(actor=actor, what=search.kind.name, rows=number, filters=filters)
    rows = map(table.columns.exported, table.export_rows(chosen.rows).iterator(chunk_size=500))
    return csv_response(table.file_name, table.columns.header, rows)
