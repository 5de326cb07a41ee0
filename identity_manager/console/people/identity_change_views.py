"""Views of changes of e-mail, UPN or SID: list, show, confirm, refuse, withdraw."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import offices, persons
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people import identity_change_page
from identity_manager.console.people.forms import RefuseChangeForm, SeveralChangesForm
from identity_manager.models import IdentityChange
from identity_manager.people.identity import identity_changes
from identity_manager.ui.bidi import isolated


@require_http_methods(["GET", "HEAD", "POST"])
def several(request: HttpRequest) -> HttpResponse:
    """List all changes that wait for this officer; the POST confirms the selected ones."""
    rows = persons.identity_changes_for_registration_officer(request)
    actor = offices.officer(request)
    form = SeveralChangesForm(refusals.post_data(request), rows=rows)
    if form.is_valid():
        chosen = form.cleaned_data["changes"]
        left = identity_changes.confirm_several(actor=actor, change_ids=[row.pk for row in chosen])
        identity_change_page.tell(request, chosen, left)
        return redirect("console:identity-changes")
    context = identity_change_page.several(actor, form=form)
    template = "identity_manager/people/identity_changes.html"
    return render(request, template, context, status=refusals.status_of(form))


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of one change."""
    return _page(request, pk, PressForm())


@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer confirms."""
    persons.identity_change_for_registration_officer(request, pk)
    act = Act(
        verb=partial(identity_changes.confirm, actor=offices.officer(request), change_id=pk),
        done=lambda change: _("Confirmed. %(person)s is changed.") % {"person": change.person},
        back=reverse("console:identity-change", args=[pk]),
        page=partial(_page, request, pk),
    )
    return respond(request, PressForm(request.POST), act)


@require_http_methods(["GET", "HEAD", "POST"])
def refuse(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer refuses."""
    found = persons.identity_change_for_registration_officer(request, pk)
    act = Act(
        verb=partial(identity_changes.refuse_change, actor=offices.officer(request), change_id=pk),
        done=lambda _change: _("Not confirmed. Everything stays as it was."),
        back=reverse("console:identity-change", args=[pk]),
        page=partial(_page, request, pk),
        ask=lambda: _refusing(found),
        about=found.person,
    )
    return respond(request, RefuseChangeForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Withdraw the change."""
    found = persons.identity_change_for_registration_officer(request, pk)
    act = Act(
        verb=partial(identity_changes.withdraw, actor=offices.officer(request), change_id=pk),
        done=lambda _change: _("Withdrawn. Everything stays as it was."),
        back=reverse("console:identity-change", args=[pk]),
        page=partial(_page, request, pk),
        ask=lambda: _withdrawing(found),
        about=found.person,
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    found = persons.identity_change_for_registration_officer(request, pk)
    context = identity_change_page.context(offices.officer(request), found, form=form)
    template = "identity_manager/people/identity_change.html"
    return render(request, template, context, status=refusals.status_of(form))


def _refusing(found: IdentityChange) -> Confirmation:
    return Confirmation(
        title=_("Do not confirm the change for %(person)s?") % {"person": isolated(found.person)},
        lead=_("Nothing is changed. What waited for the decision goes on."),
        button=_("Do not confirm"),
        back=reverse("console:identity-change", args=[found.pk]),
        tab="search",
        obstacle=identity_changes.state_obstacle(found),
    )


def _withdrawing(found: IdentityChange) -> Confirmation:
    return Confirmation(
        title=_("Withdraw the change for %(person)s?") % {"person": isolated(found.person)},
        lead=_("Nothing is changed. What waited for the decision goes on."),
        button=_("Withdraw the change"),
        back=reverse("console:identity-change", args=[found.pk]),
        tab="search",
        obstacle=identity_changes.state_obstacle(found),
        dangerous=False,
    )
