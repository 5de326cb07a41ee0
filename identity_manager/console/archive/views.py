"""Recovery certificates: import, confirmation by two Recovery Officers, retirement."""

import uuid
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.account.sign_in import fresh_second_factor_required
from identity_manager.console.access import archive
from identity_manager.console.archive import page
from identity_manager.console.archive.forms import BringInForm, FingerprintForm, ShareForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import RecoveryCertificate, RecoveryCertificateState
from identity_manager.workflow.archive import readdressing, recovery_certificates


@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """List recovery certificates; the POST imports the document of a ceremony."""
    actor = archive.archive_reader(request)
    form = BringInForm(refusals.post_data(request), request.FILES or None)
    if request.method == "POST":
        actor = archive.bringer(request)
    if form.is_valid():
        with refusals.show_refusal(form):
            row = recovery_certificates.bring_in(actor=actor, content=form.cleaned_data["document"])
            messages.success(request, _("Brought in. See below who confirms it."))
            return redirect("console:recovery-certificate", row.pk)
    context = page.listing(actor, form)
    template = "identity_manager/archive/recovery_certificates.html"
    return render(request, template, context, status=refusals.status_of(form))


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of one recovery certificate."""
    return _page(request, pk, FingerprintForm())


@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """A Recovery Officer types the fingerprint that they have from the ceremony."""
    archive.recovery_officer(request)  # before re-authentication
    return _confirm(request, pk)


@fresh_second_factor_required
def _confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    archive.recovery_certificate(request, pk)
    act = Act(
        verb=partial(
            recovery_certificates.confirm, actor=archive.recovery_officer(request), certificate_id=pk
        ),
        done=_what_happened,
        back=reverse("console:recovery-certificate", args=[pk]),
        page=partial(_page, request, pk),
    )
    return respond(request, FingerprintForm(request.POST), act)


@require_http_methods(["GET", "HEAD", "POST"])
def retire(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Retire it: no further key is encrypted to it."""
    archive.recovery_officer(request)
    return _retire(request, pk)


@fresh_second_factor_required
def _retire(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = archive.recovery_certificate(request, pk)
    act = Act(
        verb=partial(
            recovery_certificates.retire, actor=archive.recovery_officer(request), certificate_id=pk
        ),
        done=lambda _certificate: _("Retired. New keys are not sealed for it any more."),
        back=reverse("console:recovery-certificate", args=[pk]),
        ask=partial(_retiring, found),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_POST
def give_share(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """An officer gives the share of a retired recovery key."""
    archive.recovery_officer(request)
    return _give_share(request, pk)


@never_cache
@fresh_second_factor_required
def _give_share(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    archive.recovery_certificate(request, pk)
    act = Act(
        verb=partial(readdressing.give_share, actor=archive.recovery_officer(request), certificate_id=pk),
        done=lambda _round: _("Your share is given. The page says how many lack."),
        back=reverse("console:recovery-certificate", args=[pk]),
        page=partial(_page, request, pk),
    )
    return respond(request, ShareForm(request.POST), act)


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    found = archive.recovery_certificate(request, pk)
    context = page.context(archive.archive_reader(request), found, form, asked=request.GET)
    template = "identity_manager/archive/recovery_certificate.html"
    return render(request, template, context, status=refusals.status_of(form))


def _what_happened(done: RecoveryCertificate) -> str:
    if done.state == RecoveryCertificateState.IN_FORCE:
        return _("Confirmed. The recovery certificate is in force.")
    return _("Confirmed. Another Recovery Officer confirms it, too.")


def _retiring(found: RecoveryCertificate) -> Confirmation:
    return Confirmation(
        title=_("Retire the recovery certificate %(name)s?") % {"name": found.name},
        lead=_(
            "New keys are not sealed for it any more. Keys that were are sealed for those in force: by a"
            " worker, or, where officers hold shares, as soon as they give them; keep the shares until then."
            " It cannot be put in force again. Without another one in force, tokens whose keys are archived"
            " wait."
        ),
        button=pgettext("recovery certificate", "Retire"),
        back=reverse("console:recovery-certificate", args=[found.pk]),
        tab="key_archive",
        obstacle=recovery_certificates.RETIRED_ALREADY
        if found.state == RecoveryCertificateState.RETIRED
        else None,
    )
