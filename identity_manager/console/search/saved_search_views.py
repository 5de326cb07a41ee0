"""Saved searches and reports: save, rename, delete."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.lists import pagination
from identity_manager.console.search import saved_searches
from identity_manager.console.search import search as searching
from identity_manager.models import SavedSearch
from identity_manager.people import saved_searches as verbs
from identity_manager.people.saved_searches import REPORT

# By whether it is a report.
RENAMED = {
    False: gettext_lazy("The search has its new name."),
    True: gettext_lazy("The report has its new name."),
}
DELETED = {False: gettext_lazy("The search is deleted."), True: gettext_lazy("The report is deleted.")}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List the officer's own saved searches, with the number of hits."""
    actor = offices.finder(request, searching.ANY_READERS)
    saved = saved_searches.of(actor)
    pagination.count_together(each.found for each in saved)
    context = {"tab": searching.tab(actor), "saved": saved, "limit": verbs.LIMIT}
    return render(request, "identity_manager/search/saved_searches.html", context)


def save(request: HttpRequest) -> HttpResponse:
    """Save the search under a name, as an officer who may search."""
    search = searching.asked_in(request)
    form = saved_searches.NameForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            verbs.keep(
                actor=search.actor,
                name=form.cleaned_data["name"],
                kind=search.kind.name,
                query=search.query,
            )
            messages.success(request, _("The search is saved. It stands here and on START."))
            return redirect(searching.address(search))
    return confirmation.page(request, form, _saving(search))


def _saving(search: searching.Search) -> Confirmation:
    return Confirmation(
        title=_("Save this search"),
        lead=" · ".join(search.criteria_in_words()),
        button=_("Save"),
        back=searching.address(search),
        tab=searching.tab(search.actor),
        dangerous=False,
    )


def rename(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Rename a saved search or report, as its owner."""
    row = offices.saved_search(request, pk)
    form = saved_searches.NameForm(refusals.post_data(request), initial={"name": row.name})
    if form.is_valid():
        with refusals.show_refusal(form):
            verbs.rename(actor=row.owner, search_id=pk, name=form.cleaned_data["name"])
            messages.success(request, RENAMED[row.kind == REPORT])
            return redirect(_home(row))
    title = _("Rename %(name)s") % {"name": row.name}
    asked = Confirmation(
        title,
        "",
        _("Rename"),
        reverse(_home(row)),
        tab=_tab(row),
        dangerous=False,
    )
    return confirmation.page(request, form, asked)


def delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete a saved search or report, after a confirmation page, as its owner."""
    row = offices.saved_search(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        verbs.forget(actor=row.owner, search_id=pk)
        messages.success(request, DELETED[row.kind == REPORT])
        return redirect(_home(row))
    return confirmation.page(request, form, _deleting(row))


def _deleting(row: SavedSearch) -> Confirmation:
    if row.kind == REPORT:
        title, button = _("Delete the report %(name)s?"), _("Delete the report")
        lead = _("No link to it is mailed any more. You can save the report again.")
    else:
        title, button = _("Delete the search %(name)s?"), _("Delete the search")
        lead = _("What it finds stays as it is. You can save the search again.")
    return Confirmation(title % {"name": row.name}, lead, button, back=reverse(_home(row)), tab=_tab(row))


def _home(row: SavedSearch) -> str:
    """The page that lists it."""
    return "console:reports" if row.kind == REPORT else "console:saved-searches"


def _tab(row: SavedSearch) -> str:
    return "start" if row.kind == REPORT else searching.tab(row.owner)
