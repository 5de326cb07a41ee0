"""**My requests**: state of each, and **Withdraw** while it waits for a decision or acceptance."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.models import Approval, AskedApprover, Person, RequestState, TokenRequest
from identity_manager.queries import selfservice_pages
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.policy import permitted_actions
from identity_manager.workflow.requests import cancellation, reminders_by_hand
from selfservice import access
from selfservice.open_tasks.page import type_names
from selfservice.requests import request_summaries, type_choices
from selfservice.requests.forms import WithdrawForm

PAGE = 20
# Approvers are shown only while the request waits for a decision.
DECIDERS = (
    Prefetch("approvals", Approval.objects.select_related("approver", "deputyship__principal")),
    Prefetch("asked_approvers", AskedApprover.objects.select_related("approver")),
)


@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """List the person's requests, newest first."""
    person = access.user(request)
    offered = type_choices.codes_on_demand(person)
    keys = selfservice_pages.keys_of_requests(person.pk)
    page = Paginator(keys, PAGE).get_page(request.GET.get("page"))
    rows = selfservice_pages.requests([*page])
    prefetch_related_objects([row for row in rows if row.state == RequestState.REQUESTED], *DECIDERS)
    entries = [
        {
            "request": row,
            "types": type_names(row.lines),
            "story": request_summaries.of(row, offered=offered),
            "withdrawable": permitted_actions.can_be_withdrawn(row),
            "reminds": _reminds(person, row),
        }
        for row in rows
    ]
    context = {"tab": "my_requests", "page": page, "entries": entries}
    return render(request, "selfservice/requests/requests.html", context)


def _reminds(person: Person, row: TokenRequest) -> bool:
    """Whether the person can have the approvers reminded, as far as the list knows."""
    return row.is_undecided and row.requested_by_id == person.pk and bool(row.waits_for)


@require_POST
def remind_approvers(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Remind the approvers of the person's request, at most once a day; a refusal is shown on the list."""
    row = access.own_request(request, request_id)
    try:
        reminders_by_hand.remind_approvers(actor=row.person, request_id=row.pk)
    except Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _("The approvers are reminded by mail."))
    return redirect("selfservice:requests")


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Ask for confirmation, then take the request back."""
    row = access.own_request(request, request_id)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if form.perform(lambda: cancellation.withdraw(actor=row.person, request_id=row.pk)):
        messages.success(request, _("You have withdrawn the request. Nothing was issued."))
        return redirect("selfservice:requests")
    row = access.own_request(request, request_id) if form.is_bound else row
    context = {
        "tab": "my_requests",
        "form": form,
        "token_request": row,
        "types": type_names(row.lines),
        "story": request_summaries.of(row, offered=type_choices.codes_on_demand(row.person)),
        "withdrawable": permitted_actions.can_be_withdrawn(row),
    }
    return render(request, "selfservice/requests/withdraw.html", context, status=form.status)
