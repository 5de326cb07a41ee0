"""Recovery drills: begun by one Recovery Officer, confirmed by another, carried out with their shares."""

import uuid
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from identity_manager.account.sign_in import fresh_second_factor_first, fresh_second_factor_required
from identity_manager.console.access import archive
from identity_manager.console.archive import page
from identity_manager.console.archive.forms import ShareForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.models import RecoveryCertificate, RecoveryDrill, ShareRound, ShareRoundState
from identity_manager.ui.bidi import isolated
from identity_manager.workflow.archive import drills

PAGE = require_http_methods(["GET", "HEAD", "POST"])


@PAGE
def begin(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Explain a drill; the POST begins it."""
    archive.recovery_officer(request)  # before re-authentication
    return _begin(request, pk)


@fresh_second_factor_required
def _begin(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = archive.recovery_certificate(request, pk)
    act = Act(
        verb=partial(drills.begin, actor=archive.recovery_officer(request), certificate_id=pk),
        done=lambda _drill: _("Begun. Another Recovery Officer confirms it."),
        back=reverse("console:recovery-certificate", args=[pk]),
        ask=partial(_beginning, found),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@PAGE
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Confirm, as the second officer."""
    archive.recovery_officer(request)
    return _confirm(request, pk)


@fresh_second_factor_required
def _confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = archive.recovery_drill(request, pk)
    act = Act(
        verb=partial(drills.confirm, actor=archive.recovery_officer(request), drill_id=pk),
        done=_what_comes,
        back=reverse("console:recovery-certificate", args=[found.certificate_id]),
        ask=partial(_confirming, found),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@PAGE
@never_cache
def share(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """A Recovery Officer types their share, after a fresh second factor, so that it is not typed in vain."""
    archive.recovery_officer(request)
    return _share(request, pk)


@fresh_second_factor_first
def _share(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found, actor = archive.recovery_drill(request, pk), archive.recovery_officer(request)
    form = ShareForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            done = drills.give_share(actor=actor, drill_id=pk, **refusals.content(form))
            messages.success(request, _given(done))
            return redirect("console:recovery-certificate", found.certificate_id)
    context = page.share_context(actor, found, form)
    template = "identity_manager/archive/drill_share.html"
    return render(request, template, context, status=refusals.status_of(form))


def _what_comes(done: RecoveryDrill) -> str:
    if drills.awaits_shares(done):
        return _("Confirmed. Now the holders of shares give theirs.")
    return _("Confirmed. A worker opens the canary key within a minute.")


def _given(done: ShareRound) -> str:
    if done.state == ShareRoundState.COMPLETE:
        return _("Your share was the last one. A worker opens the canary key within a minute.")
    return _("Your share is there. It is erased within half an hour if others do not give theirs.")


def _beginning(found: RecoveryCertificate) -> Confirmation:
    return Confirmation(
        title=_("Begin a drill for %(name)s?") % {"name": isolated(found)},
        lead=_(
            "A canary key, which is nobody's, is opened as any archived key is: another Recovery Officer"
            " confirms it, and where the recovery key is split among officers, they give their shares."
        ),
        button=_("Begin the drill"),
        back=reverse("console:recovery-certificate", args=[found.pk]),
        tab="key_archive",
        dangerous=False,
    )


def _confirming(found: RecoveryDrill) -> Confirmation:
    words = {"name": isolated(found.certificate), "officer": isolated(found.asked_by)}
    return Confirmation(
        title=_("Confirm the drill for %(name)s?") % words,
        lead=_("%(officer)s began it. Only a canary key is opened, which is nobody's.") % words,
        button=_("Confirm the drill"),
        back=reverse("console:recovery-certificate", args=[found.certificate_id]),
        tab="key_archive",
        dangerous=False,
        obstacle=None if found.waits() else drills.DRILL_NOT_WAITING,
    )
