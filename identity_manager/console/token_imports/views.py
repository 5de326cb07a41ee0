"""Imports of tokens: looked at by one officer, confirmed by another; certificates alone come in here, too."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import renewals
from identity_manager.console.access.token_imports import token_import, token_importer
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.import_page import RejectForm
from identity_manager.console.token_imports import migration_page, page
from identity_manager.console.token_imports.page import MatchingForm, UploadForm
from identity_manager.models import TokenImport, TokenImportState
from identity_manager.models.token_imports.token_import import WITHDRAWABLE
from identity_manager.workflow.token_imports import decisions, dry_run, execution


@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """The imports; a file of certificates is looked through."""
    token_importer(request)
    form = UploadForm(refusals.post_data(request), request.FILES or None)
    if form.is_valid():
        given = form.cleaned_data
        file, said = given["file"], {"types": given["types"], "tells_persons": given["tells_persons"]}
        with refusals.show_refusal(form):
            row = dry_run.of_certificates(name=file.name, content=file.read(), **said)
            return redirect("console:token-import", row.pk)
    context = page.listing(form, asked=request.GET.get("page", ""))
    template = "identity_manager/token_imports/listing.html"
    return render(request, template, context, status=refusals.status_of(form))


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The matching, row by row."""
    return _page(request, pk, MatchingForm())


@require_POST
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """An officer has looked at it and asks another one."""
    token_import(request, pk)
    return respond(request, MatchingForm(request.POST), _act(request, pk, decisions.ask))


@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Confirm, as the second officer."""
    token_import(request, pk)
    return respond(request, MatchingForm(request.POST), _act(request, pk, execution.confirm))


@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Reject, as the second officer."""
    row = token_import(request, pk)
    act = replace(
        _act(request, pk, decisions.reject),
        done=lambda _row: _("Not confirmed. Nothing was imported."),
        ask=lambda: _rejecting(row),
    )
    return respond(request, RejectForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Call the import off."""
    row = token_import(request, pk)
    act = replace(
        _act(request, pk, decisions.withdraw),
        done=lambda _row: _("Withdrawn. What was not imported yet never is."),
        ask=lambda: _withdrawing(row),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_safe
def migration(request: HttpRequest) -> HttpResponse:
    """How far the move from another system is."""
    context = migration_page.context(renewals.renewal_reader(request))
    return render(request, "identity_manager/token_imports/migration.html", context)


def _act(request: HttpRequest, pk: uuid.UUID, verb: Callable[..., TokenImport]) -> Act:
    return Act(
        verb=partial(verb, actor=token_importer(request), import_id=pk),
        done=_what_happened,
        back=reverse("console:token-import", args=[pk]),
        page=partial(_page, request, pk),
    )


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    """The present state, read again: after a refusal it has often moved."""
    row = token_import(request, pk)
    context = page.context(token_importer(request), row, form, asked=request.GET.dict())
    template = "identity_manager/token_imports/import.html"
    return render(request, template, context, status=refusals.status_of(form))


def _what_happened(row: TokenImport) -> str:
    if row.state == TokenImportState.WAITING:
        return _("A second officer has to confirm the matching. Until then nothing is imported.")
    if row.state == TokenImportState.CONFIRMED:
        return _("Confirmed. Where the workers run, the command imports it now.")
    return _("The certificates are imported.")


def _rejecting(row: TokenImport) -> Confirmation:
    return Confirmation(
        title=_("Do not confirm the import of %(name)s?") % {"name": row.name},
        lead=_("Nothing of it is imported. Who asked reads why."),
        button=_("Do not confirm"),
        back=reverse("console:token-import", args=[row.pk]),
        tab="search",
        obstacle=decisions.state_obstacle(row, TokenImportState.WAITING),
    )


def _withdrawing(row: TokenImport) -> Confirmation:
    return Confirmation(
        title=_("Withdraw the import of %(name)s?") % {"name": row.name},
        lead=_("What is imported already stays. What is not yet never is."),
        button=_("Withdraw the import"),
        back=reverse("console:token-import", args=[row.pk]),
        tab="search",
        obstacle=decisions.state_obstacle(row, *WITHDRAWABLE),
    )
