"""Export of the key archive: requested by one Recovery Officer, confirmed by another, or withdrawn."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from identity_manager.account.sign_in import fresh_second_factor_required
from identity_manager.console.access import archive
from identity_manager.console.archive.forms import ExportForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.models import ArchiveExport
from identity_manager.ui.bidi import isolated
from identity_manager.ui.punctuation import quoted
from identity_manager.workflow.archive import export as exporting


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponseBase:
    """Explain an export; the POST requests it."""
    archive.recovery_officer(request)  # before re-authentication
    return _ask(request)


@fresh_second_factor_required
def _ask(request: HttpRequest) -> HttpResponse:
    act = Act(
        verb=partial(exporting.ask, actor=archive.recovery_officer(request)),
        done=lambda _export: _("Asked for. Another Recovery Officer confirms it."),
        back=reverse("console:recovery-certificates"),
        ask=_asking,
    )
    return respond(request, ExportForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Confirm, as the second officer."""
    archive.recovery_officer(request)
    return _confirm(request, pk)


@fresh_second_factor_required
def _confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = archive.archive_export(request, pk)
    act = Act(
        verb=partial(exporting.confirm, actor=archive.recovery_officer(request), export_id=pk),
        done=lambda _export: _("Confirmed. For a day manage.py export_archive carries it out."),
        back=reverse("console:recovery-certificates"),
        ask=partial(_confirming, found),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Withdraw the export."""
    found = archive.archive_export(request, pk)
    act = Act(
        verb=partial(exporting.withdraw, actor=archive.recovery_officer(request), export_id=pk),
        done=lambda _export: _("Called off. Nothing is exported."),
        back=reverse("console:recovery-certificates"),
        ask=partial(_withdrawing, found),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _asking() -> Confirmation:
    return Confirmation(
        title=_("Ask for an export of the archive?"),
        lead=_(
            "Every archived key leaves the database, still sealed for the recovery keys. Who has the files"
            " and a recovery key reads all of them."
        ),
        button=_("Ask for the export"),
        back=reverse("console:recovery-certificates"),
        tab="key_archive",
    )


def _confirming(found: ArchiveExport) -> Confirmation:
    words = {"officer": isolated(found.asked_by), "purpose": quoted(isolated(found.purpose))}
    return Confirmation(
        title=_("Confirm the export of the archive?"),
        lead=_("%(officer)s asked for it: %(purpose)s. Every archived key leaves the database with it.")
        % words,
        button=_("Confirm the export"),
        back=reverse("console:recovery-certificates"),
        tab="key_archive",
        obstacle=None if found.waits() else exporting.EXPORT_NOT_WAITING,
    )


def _withdrawing(found: ArchiveExport) -> Confirmation:
    return Confirmation(
        title=_("Call the export of the archive off?"),
        lead=_("Nothing is exported. It can be asked for again at any time."),
        button=_("Call it off"),
        back=reverse("console:recovery-certificates"),
        tab="key_archive",
        dangerous=False,
        obstacle=None if found.waits() else exporting.EXPORT_NOT_WAITING,
    )
