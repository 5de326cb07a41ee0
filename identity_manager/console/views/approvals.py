"""OPEN TASKS of an officer: the approval queue, and the three answers to a request."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from identity_manager.console import access, confirmation, open_tasks, refusals, request_page
from identity_manager.console.confirmation import Confirmation
from identity_manager.console.forms import DecisionForm, PostponeForm, RejectForm
from identity_manager.models import TokenRequest
from identity_manager.workflow import step2_approve


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    actor = access.officer(request)
    return render(request, "identity_manager/open_tasks.html", open_tasks.context(actor))


def approve(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    access.request_for_approver(request, pk)
    actor = access.officer(request)
    form = DecisionForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            step2_approve.approve(actor=actor, request_id=pk, **form.cleaned_data)
            messages.success(request, _("Approved."))
            return redirect("console:request", pk)
    return request_page.response(request, actor, pk, form=form)


def reject(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_approver(request, pk)
    actor = access.officer(request)
    form = RejectForm(refusals.sent(request), initial={"snapshot_hash": found.snapshot_hash})
    if form.is_valid():
        with refusals.told_by(form):
            step2_approve.reject(actor=actor, request_id=pk, **form.cleaned_data)
            messages.success(
                request, _("Rejected. %(person)s is told by mail.") % {"person": found.requested_by}
            )
            return redirect("console:request", pk)
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, pk, form=form)
    return confirmation.page(request, form, _rejecting(found))


def postpone(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = access.request_for_approver(request, pk)
    actor = access.officer(request)
    form = PostponeForm(refusals.sent(request), initial={"snapshot_hash": found.snapshot_hash})
    if form.is_valid():
        with refusals.told_by(form):
            step2_approve.postpone(actor=actor, request_id=pk, **form.cleaned_data)
            messages.success(request, _("Postponed. The task comes back at the time that you chose."))
            return redirect("console:approvals")
    if refusals.concerns_the_page(form):
        return request_page.response(request, actor, pk, form=form)
    return confirmation.page(request, form, _postponing(found))


def _rejecting(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Reject the request for %(person)s?") % {"person": found.person},
        lead=_("It ends here. %(person)s is told by mail, with your reason.")
        % {"person": found.requested_by},
        button=_("Reject"),
        back=reverse("console:request", args=[found.pk]),
    )


def _postponing(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Postpone the request for %(person)s?") % {"person": found.person},
        lead=_("Nothing is decided. Until then the task is out of the way."),
        button=_("Postpone"),
        back=reverse("console:request", args=[found.pk]),
        dangerous=False,
    )
