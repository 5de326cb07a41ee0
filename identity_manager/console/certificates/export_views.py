"""**Export certificates** of a search: choose a format, get the file."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST

from identity_manager.console.access import offices
from identity_manager.console.certificates import export_page
from identity_manager.console.forms import refusals
from identity_manager.console.search import search as searching
from identity_manager.console.search import selection
from identity_manager.console.search.certificates import CERTIFICATE
from identity_manager.transactions.refusals import Refused, require


@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """Ask for the format; with one, send the file. The rows are those that the officer may find."""
    actor = offices.finder(request, searching.ANY_READERS)
    try:
        chosen = selection.chosen(actor, request.POST, limit=None)
        require(chosen.search.kind.name == CERTIFICATE.name, else_=selection.NO_SEARCH)
    except Refused as refused:
        return selection.refused_page(request, actor, refused)
    form = export_page.ExportForm(request.POST if "send" in request.POST else None)
    if form.is_valid():
        with refusals.show_refusal(form):
            return export_page.response(actor, chosen, form)
    if not form.is_bound:
        selection.tell_of_missing(request, chosen)
    context = export_page.context(chosen, form)
    status = refusals.status_of(form)
    return render(request, "identity_manager/certificates/export.html", context, status=status)
