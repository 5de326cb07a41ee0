"""Decisions on requests: approve, reject or postpone one, or several at once."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import offices, requests
from identity_manager.console.approvals import bulk_decisions, certificate_content, postponement_days
from identity_manager.console.approvals.bulk_decisions import (
    SeveralApprovalsForm,
    SeveralForm,
    SeveralPostponementsForm,
    SeveralRejectionsForm,
)
from identity_manager.console.approvals.forms import DecisionForm, PostponeForm, RejectForm
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.requests import page as request_page
from identity_manager.models import Person, RequestState, Role, TokenRequest
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.bidi import isolated
from identity_manager.workflow import step2_approve
from identity_manager.workflow.policy import approvers


@require_http_methods(["GET", "HEAD", "POST"])
def several(request: HttpRequest, pk: uuid.UUID | None = None) -> HttpResponse:
    """The approval queue, all or of one batch order; the POST approves the ticked requests."""
    actor = offices.officer(request, Role.APPROVER)
    form, back = SeveralApprovalsForm(refusals.post_data(request)), bulk_decisions.address(pk, request.GET)
    if form.is_valid() and (seen := bulk_decisions.readable(actor, form)):
        if bulk_decisions.is_asked_before(request, form, seen):
            asked = SeveralApprovalsForm(initial=_ticked(request) | {"confirmed": True})
            return confirmation.page(request, asked, bulk_decisions.approving(seen, back))
        left = step2_approve.approve_several(actor=actor, seen=seen)
        bulk_decisions.tell_approved(request, len(seen) - len(left))
        bulk_decisions.tell(request, form, seen, left)
        return redirect(back)
    return _several(request, form, pk)


@require_POST
def reject_several(request: HttpRequest) -> HttpResponse:
    """Reject the ticked requests, with a reason."""
    actor = offices.officer(request, Role.APPROVER)
    chosen, order_id = SeveralForm(request.POST), bulk_decisions.order_said_by(request.GET)
    seen = bulk_decisions.readable(actor, chosen) if chosen.is_valid() else {}
    if not seen:
        return _several(request, chosen, order_id)
    data = request.POST if "reason" in request.POST else None
    form = SeveralRejectionsForm(data, initial=_ticked(request))
    back = bulk_decisions.address(order_id, request.GET)
    if form.is_valid():
        left = step2_approve.reject_several(actor=actor, seen=seen, reason=form.cleaned_data["reason"])
        bulk_decisions.tell_rejected(request, len(seen) - len(left))
        bulk_decisions.tell(request, chosen, seen, left)
        return redirect(back)
    return confirmation.page(request, form, bulk_decisions.rejecting(seen, back))


@require_POST
def postpone_several(request: HttpRequest) -> HttpResponse:
    """Postpone the ticked requests to a time."""
    actor = offices.officer(request, Role.APPROVER)
    chosen, order_id = SeveralForm(request.POST), bulk_decisions.order_said_by(request.GET)
    seen = bulk_decisions.readable(actor, chosen) if chosen.is_valid() else {}
    if not seen:
        return _several(request, chosen, order_id)
    data = request.POST if "when" in request.POST else None
    form = SeveralPostponementsForm(data, initial=_ticked(request))
    back = bulk_decisions.address(order_id, request.GET)
    if form.is_valid():
        until = postponement_days.moment_of(form.cleaned_data["when"], timezone.now())
        left = step2_approve.postpone_several(actor=actor, seen=seen, until=until)
        bulk_decisions.tell_postponed(request, len(seen) - len(left))
        bulk_decisions.tell(request, chosen, seen, left)
        return redirect(back)
    return confirmation.page(request, form, bulk_decisions.postponing(seen, back))


def _ticked(request: HttpRequest) -> dict[str, Any]:
    return {"requests": request.POST.getlist("requests")}


def _several(request: HttpRequest, form: VerbForm, order_id: uuid.UUID | None) -> HttpResponse:
    actor = offices.officer(request, Role.APPROVER)
    context = bulk_decisions.context(actor, request.GET, form=form, order_id=order_id)
    template = "identity_manager/approvals/bulk_decisions.html"
    return render(request, template, context, status=refusals.status_of(form))


@require_safe
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The decision form as a fragment for OPEN TASKS; without scripts the page of the request."""
    found = requests.request_for_approver(request, pk)
    alone = request.headers.get("HX-Request") == "true"
    return request_page.response(
        request, offices.officer(request), found, part=request_page.DECISION if alone else ""
    )


def _done(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Redirect to the page on which the decision was made."""
    if request.POST.get("from") == "open-tasks":
        return redirect("console:approvals")
    return redirect("console:request", pk)


def approve(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Approve a request, as an Approver of the person's unit who neither asked for it nor is the person."""
    found = requests.request_for_approver(request, pk)
    actor = offices.officer(request)
    form = DecisionForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            step2_approve.approve(actor=actor, request_id=pk, **form.cleaned_data)
            messages.success(request, _("Request for %(person)s approved.") % {"person": found.person})
            return _done(request, pk)
    return request_page.response(request, actor, found, form=form)


def reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for a reason and reject the request or single tokens, as an Approver of the person's unit."""
    found = requests.request_for_approver(request, pk)
    actor = offices.officer(request)
    initial = {"snapshot_hash": found.snapshot_hash}
    form = RejectForm(refusals.post_data(request), lines=found.lines, initial=initial)
    if form.is_valid():
        with refusals.show_refusal(form):
            messages.success(request, _rejected(actor, found, form))
            return _done(request, pk)
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, found, form=form)
    return confirmation.page(request, form, _rejecting(found, actor))


def _rejected(actor: Person, found: TokenRequest, form: RejectForm) -> str:
    """Reject the request, or take single types out; what that means, in words."""
    seen, reason = form.cleaned_data["snapshot_hash"], form.cleaned_data["reason"]
    chosen = form.single_lines
    if not chosen:
        step2_approve.reject(actor=actor, request_id=found.pk, snapshot_hash=seen, reason=reason)
        words = {"person": found.person, "requester": found.requested_by}
        return _("Request for %(person)s rejected. %(requester)s is told by mail.") % words
    row = step2_approve.take_out(
        actor=actor, request_id=found.pk, snapshot_hash=seen, lines=chosen, reason=reason
    )
    if row.state == RequestState.REQUESTED:
        return _("Removed. Now decide on the remaining types.")
    return _("Removed. The remaining types need no more approval and go on.")


def postpone(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take the task off the approvers' list until a chosen time, as an Approver of the person's unit."""
    found = requests.request_for_approver(request, pk)
    actor = offices.officer(request)
    form = PostponeForm(refusals.post_data(request), initial={"snapshot_hash": found.snapshot_hash})
    if form.is_valid():
        with refusals.show_refusal(form):
            step2_approve.postpone(actor=actor, request_id=pk, **form.cleaned_data)
            words = _("Request for %(person)s postponed. The task comes back at the time that you chose.")
            messages.success(request, words % {"person": found.person})
            return redirect("console:approvals")
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, found, form=form)
    return confirmation.page(request, form, _postponing(found, actor))


def _obstacle(found: TokenRequest, actor: Person) -> Reason | None:
    return step2_approve.state_obstacle(found) or approvers.decision_obstacle(actor, found)


def _rejecting(found: TokenRequest, actor: Person) -> Confirmation:
    return Confirmation(
        title=_("Reject the request for %(person)s?") % {"person": isolated(found.person)},
        lead=_rejecting_lead(found) % {"person": found.requested_by},
        button=_("Reject"),
        back=reverse("console:request", args=[found.pk]),
        obstacle=_obstacle(found, actor),
        signed=certificate_content.of_requests([found]),
    )


def _rejecting_lead(found: TokenRequest) -> str:
    if len(found.lines) > 1:
        return _("What is checked ends here. %(person)s is told by mail, with your reason.")
    return _("It ends here. %(person)s is told by mail, with your reason.")


def _postponing(found: TokenRequest, actor: Person) -> Confirmation:
    return Confirmation(
        title=_("Postpone the request for %(person)s?") % {"person": isolated(found.person)},
        lead=_("Nothing is decided. It leaves your list until then; every other approver still sees it."),
        button=_("Postpone"),
        back=reverse("console:request", args=[found.pk]),
        obstacle=_obstacle(found, actor),
        signed=certificate_content.of_requests([found]),
        dangerous=False,
    )
