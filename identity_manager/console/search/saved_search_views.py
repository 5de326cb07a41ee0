"""Saved searches: keep one, call it something else, keep it no longer."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from identity_manager.console.access import offices
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.lists import pagination
from identity_manager.console.search import saved_searches
from identity_manager.console.search import search as searching
from identity_manager.people import saved_searches as verbs


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    actor = offices.finder(request, searching.ANY_READERS)
    saved = saved_searches.of(actor)
    pagination.count_together(each.found for each in saved)
    context = {"tab": searching.tab(actor), "saved": saved, "limit": verbs.LIMIT}
    return render(request, "identity_manager/search/saved_searches.html", context)


def save(request: HttpRequest) -> HttpResponse:
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
    words = [str(search.kind.label), *([f"“{search.wanted['q']}”"] if search.wanted["q"] else [])]
    return Confirmation(
        title=_("Save this search"),
        lead=" · ".join([*words, *search.filter_words()]),
        button=_("Save"),
        back=searching.address(search),
        tab=searching.tab(search.actor),
        dangerous=False,
    )


def rename(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    row = offices.saved_search(request, pk)
    form = saved_searches.NameForm(refusals.post_data(request), initial={"name": row.name})
    if form.is_valid():
        with refusals.show_refusal(form):
            verbs.rename(actor=row.owner, search_id=pk, name=form.cleaned_data["name"])
            messages.success(request, _("The search has its new name."))
            return redirect("console:saved-searches")
    title = _("Rename %(name)s") % {"name": row.name}
    asked = Confirmation(
        title,
        "",
        _("Rename"),
        reverse("console:saved-searches"),
        tab=searching.tab(row.owner),
        dangerous=False,
    )
    return confirmation.page(request, form, asked)


def delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    row = offices.saved_search(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        verbs.forget(actor=row.owner, search_id=pk)
        messages.success(request, _("The search is deleted."))
        return redirect("console:saved-searches")
    return confirmation.page(request, form, _deleting(row.name, tab=searching.tab(row.owner)))


def _deleting(name: str, *, tab: str) -> Confirmation:
    return Confirmation(
        title=_("Delete the search %(name)s?") % {"name": name},
        lead=_("What it finds stays as it is. You can save the search again."),
        button=_("Delete the search"),
        back=reverse("console:saved-searches"),
        tab=tab,
    )
