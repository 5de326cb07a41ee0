"""ADMIN, Directories: sources with their mapping and runs; **Run now**, a dry run; a stopped run."""

import uuid
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import directory as access
from identity_manager.console.access import offices, persons
from identity_manager.console.directory import page
from identity_manager.console.directory.forms import DropForm, StartForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import DirectoryRun, Person, RunMode, RunState
from identity_manager.people import directory_policy
from identity_manager.workflow.people import directory_decisions


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List directory sources. Registration Officers, System Administrators and Auditors read it."""
    context = page.overview(access.reader(request), form=StartForm())
    return render(request, "identity_manager/directory/sources.html", context)


@require_safe
def source(request: HttpRequest, name: str) -> HttpResponse:
    """One directory source, its runs. Registration Officers, System Administrators and Auditors read it."""
    return _source_page(request, name, StartForm())


@require_POST
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Start a run of the source now, as a Registration Officer or System Administrator."""
    actor, configuration = access.source_to_start(request, name)
    form = StartForm(request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            mode = RunMode(form.cleaned_data["mode"])
            directory_decisions.start(actor=actor, name=configuration.id, mode=mode)
            messages.success(request, _("It starts within seconds. Open the page again to see how it went."))
            return redirect("console:directory-source", name)
    return _source_page(request, name, form)


@require_safe
def run(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One run with its changes. Registration Officers, System Administrators and Auditors read it."""
    return _run_page(request, pk, PressForm())


@require_POST
def let_go_on(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Apply a run that the limit on leavers stopped, as a Registration Officer."""
    actor, _row = access.run_to_decide(request, pk)
    act = Act(
        verb=partial(directory_decisions.let_go_on, actor=actor, run_id=pk),
        done=_what_happened,
        back=reverse("console:directory-run", args=[pk]),
        page=partial(_run_page, request, pk),
    )
    return respond(request, PressForm(request.POST), act)


@require_http_methods(["GET", "HEAD", "POST"])
def drop(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Discard a stopped run with a reason, as a Registration Officer; the next run reads everything."""
    actor, row = access.run_to_decide(request, pk)
    act = Act(
        verb=partial(directory_decisions.drop, actor=actor, run_id=pk),
        done=lambda _row: _("Dropped. The next run reads the directory anew."),
        back=reverse("console:directory-run", args=[pk]),
        page=partial(_run_page, request, pk),
        ask=lambda: _dropping(row),
    )
    return respond(request, DropForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def end_link(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Remove the link from the person to a directory entry, as a Registration Officer of the unit."""
    person = persons.person_for_registration_officer(request, pk)
    act = Act(
        verb=partial(directory_decisions.end_link, actor=offices.officer(request), person_id=pk),
        done=lambda _person: _("The link is ended. The next run looks for the new account."),
        back=reverse("console:person", args=[pk]),
        ask=lambda: _ending_link(person),
        about=person,
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _source_page(request: HttpRequest, name: str, form: VerbForm) -> HttpResponse:
    actor, configuration = access.source_for_reader(request, name)
    context = page.of_source(actor, configuration, form, asked=request.GET.get("page", ""))
    return render(request, "identity_manager/directory/source.html", context, status=refusals.status_of(form))


def _run_page(request: HttpRequest, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    """The page, read again, because the run may have changed since a refusal."""
    actor, row = access.run_for_reader(request, pk)
    context = page.of_run(actor, row, form, asked=request.GET.dict())
    return render(request, "identity_manager/directory/run.html", context, status=refusals.status_of(form))


def _what_happened(row: DirectoryRun) -> str:
    if row.state == RunState.WAITING:
        return _("Another Registration Officer has to agree. Until then nothing is changed.")
    return _("The run goes on and changes persons now.")


def _dropping(row: DirectoryRun) -> Confirmation:
    return Confirmation(
        title=_("Drop this run?"),
        lead=_("It changes nobody. The next run reads the directory anew; the same answer is stopped again."),
        button=_("Drop the run"),
        back=reverse("console:directory-run", args=[row.pk]),
        tab="admin",
        obstacle=None if row.waits() else directory_policy.NOT_STOPPED,
    )


def _ending_link(person: Person) -> Confirmation:
    return Confirmation(
        title=_("End the link to the account that is gone?"),
        lead=_(
            "An account with the same personnel number becomes this person's. What it says of e-mail, UPN and"
            " SID waits for a second officer."
        ),
        button=_("End the link"),
        back=reverse("console:person", args=[person.pk]),
        tab="search",
        obstacle=directory_decisions.link_obstacle(person),
    )
