"""**Renew software token**: a token's successor, PstmProcRenewSofttoken of Nexus; or *Not needed*."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.account.sign_in import not_by_certificate_alone
from identity_manager.models import RequestState, SoftwareToken, TokenRequest
from identity_manager.queries import selfservice_pages
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow import step1_renew
from identity_manager.workflow.archive import loss
from selfservice import access
from selfservice.help import installation_help
from selfservice.renewal import renewal_preview
from selfservice.renewal.forms import NotNeededForm, RenewForm

OUTCOMES = {
    RequestState.ISSUING: ("selfservice:progress", gettext_lazy("The renewal of %(type)s has begun.")),
    RequestState.AWAITING_ACCEPTANCE: (
        "selfservice:terms",
        gettext_lazy("Read and accept the terms, then %(type)s is issued."),
    ),
    RequestState.REQUESTED: (
        "selfservice:requests",
        gettext_lazy("You have asked for the renewal of %(type)s. Somebody decides on it."),
    ),
}


@require_safe
def renewals(request: HttpRequest) -> HttpResponse:
    """List the person's tokens that are to be renewed."""
    notices = selfservice_pages.renewals_due(access.user(request).pk)
    return render(request, "selfservice/renewal/renewals.html", {"tab": "dashboard", "notices": notices})


@require_http_methods(["GET", "HEAD", "POST"])
@not_by_certificate_alone
def renew(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """Show what changes with the renewal, and ask for it."""
    row = access.own_token(request, token_id)
    form = RenewForm(request.POST if request.method == "POST" else None)
    made = form.perform(
        lambda: step1_renew.renew(actor=row.person, token_id=row.pk, terms_shown=form.text_ids)
    )
    if made is not None:
        return _go_on(request, row, made)
    return render(request, "selfservice/renewal/renew.html", _context(row, form), status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def not_needed(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """The person says why they need the token no longer; reminders end."""
    row = access.own_token(request, token_id)
    form = NotNeededForm(request.POST if request.method == "POST" else None)
    answered = form.perform(
        lambda: step1_renew.not_needed(actor=row.person, token_id=row.pk, reason=form.cleaned_data["reason"])
    )
    if answered:
        messages.success(request, _("You are not reminded of %(type)s any more.") % {"type": row})
        return redirect("selfservice:open-tasks")
    losses = loss.of_tokens([row.pk], own=True)
    context = {"tab": "open_tasks", "token": row, "form": form, "losses": losses}
    return render(request, "selfservice/renewal/not_needed.html", context, status=form.status)


def _go_on(request: HttpRequest, row: SoftwareToken, made: TokenRequest) -> HttpResponse:
    page, words = OUTCOMES[RequestState(made.state)]
    messages.success(request, words % {"type": row})
    return redirect(page) if made.state == RequestState.REQUESTED else redirect(page, made.pk)


def _context(row: SoftwareToken, form: RenewForm) -> dict[str, object]:
    context: dict[str, object] = {"tab": "open_tasks", "token": row, "form": form}
    try:
        choice = step1_renew.renewable(row.person, row.pk)
    except Refused as refused:
        return {**context, "obstacle": refused.reason.to_its_person}
    return {
        **context,
        "held": choice.renews,
        "is_sole": choice.token_type.targets_alone,
        "devices": installation_help.named_last(row.person),
        "preview": renewal_preview.of(row.person, choice),
        "losses": loss.of_tokens([row.pk], own=True),
    }
