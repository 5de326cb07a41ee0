"""Recovery by officers: request by an administrator, decisions and shares of Recovery Officers."""

import uuid
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.account.sign_in import fresh_second_factor_first, fresh_second_factor_required
from identity_manager.console.access import offices, persons, recoveries
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.recovery import page
from identity_manager.console.recovery.forms import ApproveForm, AskForm, RejectForm, SeenShareForm
from identity_manager.models import RequestState, ShareRound, ShareRoundState
from identity_manager.models.recovery.recovery import Recovery
from identity_manager.workflow import step1_recover
from identity_manager.workflow.recovery import decisions, sealed_decisions

PAGE = require_http_methods(["GET", "HEAD", "POST"])


@PAGE
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Choose keys of a person, for them or for somebody else, and say why."""
    owner = persons.person_for_administrator(request, pk)
    choices = step1_recover.choices(owner)
    form = AskForm(refusals.post_data(request), choices=choices)
    if form.is_valid():
        with refusals.show_refusal(form):
            verb = step1_recover.recover_by_officers
            asked = verb(actor=offices.officer(request), order=form.order(owner))
            messages.success(request, _("Asked for. Two Recovery Officers decide."))
            return redirect("console:recovery", asked.recovery.pk)
    context = {"tab": "search", "owner": owner, "form": form, "has_keys": bool(choices)}
    return render(request, "identity_manager/recovery/ask.html", context, status=refusals.status_of(form))


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The recoveries by officers that this officer may read."""
    context = page.listing(recoveries.recovery_reader(request), request.GET.get("page"))
    return render(request, "identity_manager/recovery/recoveries.html", context)


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One recovery: whose keys, for whom, why; who decided, and whose shares are there."""
    return _page(request, pk)


@PAGE
def approve(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Approve what the page showed, as a Recovery Officer, after re-authentication."""
    recoveries.recovery_for_decision(request, pk)  # before re-authentication
    return _approve(request, pk)


@fresh_second_factor_required
def _approve(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if request.method != "POST":  # back from showing the second factor
        return redirect("console:recovery", pk)
    act = Act(
        verb=partial(decisions.approve, actor=offices.officer(request), recovery_id=pk),
        done=_what_happened,
        back=reverse("console:recovery", args=[pk]),
        page=partial(_page, request, pk),
    )
    return respond(request, ApproveForm(request.POST), act)


@PAGE
def reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Reject the recovery, as a Recovery Officer."""
    recoveries.recovery_for_decision(request, pk)
    return _reject(request, pk)


@fresh_second_factor_required
def _reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if request.method != "POST":
        return redirect("console:recovery", pk)
    act = Act(
        verb=partial(decisions.reject, actor=offices.officer(request), recovery_id=pk),
        done=lambda _recovery: _("Rejected. Who asked is told."),
        back=reverse("console:recovery", args=[pk]),
        page=partial(_page, request, pk),
    )
    return respond(request, RejectForm(request.POST), act)


@PAGE
@never_cache
def share(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """A Recovery Officer types their share, after a fresh second factor, so that it is not typed in vain."""
    recoveries.recovery_for_decision(request, pk)
    return _share(request, pk)


@fresh_second_factor_first
def _share(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = recoveries.recovery_for_decision(request, pk)
    form = SeenShareForm(refusals.post_data(request), initial={"seen": sealed_decisions.digest(found)})
    if form.is_valid():
        with refusals.show_refusal(form):
            verb = partial(decisions.give_share, actor=offices.officer(request), recovery_id=pk)
            messages.success(request, _given(verb(**refusals.content(form))))
            return redirect("console:recovery", pk)
    context = page.context(offices.officer(request), found, form)
    context |= {"share_obstacle": page.share_obstacle(offices.officer(request), found)}
    return render(request, "identity_manager/recovery/share.html", context, status=refusals.status_of(form))


def _page(request: HttpRequest, pk: uuid.UUID, form: VerbForm | None = None) -> HttpResponse:
    found = recoveries.recovery_for_officer(request, pk)
    context = page.context(recoveries.recovery_reader(request), found, form)
    status = refusals.status_of(form) if form else 200
    return render(request, "identity_manager/recovery/recovery.html", context, status=status)


def _what_happened(done: Recovery) -> str:
    if done.request.state == RequestState.ISSUING:
        return _("Approved. The keys are being opened.")
    if done.opened_with is not None:
        return _("Approved. Now the holders of shares give theirs.")
    return _("Approved. Another Recovery Officer decides, too.")


def _given(done: ShareRound) -> str:
    if done.state == ShareRoundState.COMPLETE:
        return _("Your share was the last one. The keys are being opened.")
    return _("Your share is there. It is erased within half an hour if others do not give theirs.")
