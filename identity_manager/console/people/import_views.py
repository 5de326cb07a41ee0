"""Views of imports of persons: upload, dry run, confirmation by a second officer."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import persons
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.people import import_columns, import_page
from identity_manager.console.people.import_columns import COLUMNS
from identity_manager.console.people.import_page import ImportForm, PlanForm, RejectForm, UploadForm
from identity_manager.models import ImportState, PersonImport
from identity_manager.people.imports import identities
from identity_manager.workflow.people import imports


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponse:
    """Upload a file; the POST leads to its dry run."""
    actor = persons.importer(request)
    form = UploadForm(refusals.post_data(request), request.FILES or None)
    if form.is_valid():
        file = form.cleaned_data["file"]
        with refusals.show_refusal(form):
            row = imports.upload(actor=actor, file_name=file.name, content=file.read(imports.MOST_BYTES + 1))
            return redirect("console:import", row.pk)
    context = import_page.uploading(form, asked=request.GET.get("page", ""))
    return render(
        request, "identity_manager/people/imports/upload.html", context, status=refusals.status_of(form)
    )


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the plan; the POST of the first officer carries it out or asks a second one."""
    persons.import_for_officer(request, pk)
    return respond(request, ImportForm(refusals.post_data(request)), _act(request, pk, imports.carry_out))


@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer confirms."""
    persons.import_for_officer(request, pk)
    return respond(request, PlanForm(request.POST), _act(request, pk, imports.confirm))


@require_POST
def confirm_identities(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer confirms all identities of the import at once."""
    persons.import_for_officer(request, pk)
    form = PlanForm(request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            digest = form.cleaned_data["digest"]
            done = identities.confirm(actor=persons.importer(request), import_id=pk, digest=digest)
            import_page.tell(request, done)
            return redirect("console:import", pk)
    return _page(request, pk, form)


@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer refuses."""
    row = persons.import_for_officer(request, pk)
    act = replace(
        _act(request, pk, imports.reject),
        done=lambda _row: _("Not confirmed. Nothing of the file was imported."),
        ask=lambda: _rejecting(row),
    )
    return respond(request, RejectForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Withdraw the import."""
    row = persons.import_for_officer(request, pk)
    act = replace(
        _act(request, pk, imports.withdraw),
        done=lambda _row: _("Withdrawn. Nothing of the file was imported."),
        ask=lambda: _withdrawing(row),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_safe
def report(request: HttpRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    """The plan as a CSV file."""
    planned = imports.plan_of(persons.import_for_officer(request, pk))
    if planned is None:
        raise Http404
    rows = map(COLUMNS.exported, import_columns.lines(planned.rows))
    return csv_response("import-report", COLUMNS.header, rows)


def _act(request: HttpRequest, pk: uuid.UUID, verb: Callable[..., PersonImport]) -> Act:
    return Act(
        verb=partial(verb, actor=persons.importer(request), import_id=pk),
        done=_what_happened,
        back=reverse("console:import", args=[pk]),
        page=partial(_page, request, pk),
    )


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    """The page, read again, because the import may have changed since a refusal."""
    row = persons.import_for_officer(request, pk)
    context = import_page.context(persons.importer(request), row, form, asked=request.GET.dict())
    return render(
        request, "identity_manager/people/imports/import.html", context, status=refusals.status_of(form)
    )


def _what_happened(row: PersonImport) -> str:
    if row.state == ImportState.WAITING:
        return _("A second officer has to confirm this. Until then nothing is imported.")
    if row.identity_changes.waiting().exists():
        return _("The persons are imported. E-mail, UPN and SID wait for a second officer, on this page.")
    return _("The persons are imported.")


def _rejecting(row: PersonImport) -> Confirmation:
    return Confirmation(
        title=_("Do not confirm the import of %(file)s?") % {"file": row.file_name},
        lead=_("Nothing of it is imported. Who asked reads why."),
        button=_("Do not confirm"),
        back=reverse("console:import", args=[row.pk]),
        tab="search",
        obstacle=imports.state_obstacle(row, ImportState.WAITING),
    )


def _withdrawing(row: PersonImport) -> Confirmation:
    return Confirmation(
        title=_("Withdraw the import of %(file)s?") % {"file": row.file_name},
        lead=_("Nothing of it is imported, and the file is deleted here."),
        button=_("Withdraw the import"),
        back=reverse("console:import", args=[row.pk]),
        tab="search",
        obstacle=imports.state_obstacle(row, *imports.WITHDRAWABLE),
    )
