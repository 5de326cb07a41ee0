"""REQUESTS: the list, the page of one, and what an administrator does with it."""

import uuid
from collections.abc import Callable
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import offices, requests
from identity_manager.console.forms import confirmation, outcome, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.requests import page as request_page
from identity_manager.console.requests.forms import CancelForm, ResubmissionForm
from identity_manager.console.search import requests as request_list
from identity_manager.console.search import saved_searches, selected, selection
from identity_manager.console.search import search as searching
from identity_manager.console.search.search import Search
from identity_manager.models import PersonState, Role, TokenRequest
from identity_manager.ui.bidi import isolated
from identity_manager.workflow.issuance import partial_issue
from identity_manager.workflow.issuance import retry as issuance_retry
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import cancellation, reminders_by_hand, resubmission


@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """List and filter requests of the officer's units; the POST keeps the selection of rows across pages."""
    actor = requests.request_reader(request)
    search = Search(request_list.REQUEST, actor, request.GET)
    posted = selected.posted(request, search.kind.table.checkbox)
    if elsewhere := selection.turn_page(request, search, posted):
        return elsewhere
    context = searching.context(request, search, posted) | {
        "tab": "requests",
        "actions": selection.actions(search),
        "enables": partial(offices.holds, actor, {Role.TOKEN_ADMINISTRATOR}),
        "saved": [
            each for each in saved_searches.of(actor, current=search.query) if each.kind is search.kind
        ],
    }
    return render(
        request, "identity_manager/requests/list.html", context, status=200 if search.is_valid else 422
    )


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of a request, for officers who may read requests of the person's unit."""
    found = requests.request_for_officer(request, pk)
    return request_page.response(request, offices.officer(request), found)


def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel a request with a reason, as a Software Token Administrator of the person's unit."""
    done = _("The request is cancelled.")
    return _done_to(request, pk, CancelForm, cancellation.cancel, done, asked=_cancelling)


def remind(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Remind the person by mail, as a Software Token Administrator of the person's unit."""
    done = _("The person is reminded by mail.")
    return _done_to(request, pk, PressForm, reminders_by_hand.remind, done, asked=_reminding)


@require_http_methods(["GET", "HEAD", "POST"])
def remind_approvers(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Remind the approvers; who asked may do it, too."""
    found = requests.request_for_reminding(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            reminders_by_hand.remind_approvers(actor=offices.officer(request), request_id=pk)
            outcome.tell(request, found.person, _("The approvers are reminded by mail."))
            return redirect("console:request", pk)
    return confirmation.page(request, form, _reminding_approvers(found))


def issue_remaining(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Issue the token without the refused certificates, as a Software Token Administrator of the unit."""
    done = _("The remaining certificates are issued, without what was refused.")
    return _done_to(request, pk, CancelForm, partial_issue.issue_remaining, done, asked=_giving)


def revoke_all(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Revoke issued certificates and cancel the request, as a Software Token Administrator of the unit."""
    done = _("The remaining certificates are revoked, and the request is cancelled.")
    return _done_to(request, pk, CancelForm, partial_issue.revoke_all, done, asked=_revoking)


def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Order refused certificates again, with new keys, as a Software Token Administrator of the unit."""
    done = _("It is tried again, with new keys for what was refused.")
    return _done_to(request, pk, PressForm, issuance_retry.retry, done)


def retry_now(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Retry now what waits for its next attempt, as a Software Token Administrator of the unit."""
    return _done_to(request, pk, PressForm, issuance_retry.retry_now, _tried_now)


def _tried_now(found: TokenRequest) -> str:
    if found.person.state != PersonState.INACTIVE:
        return _("What waited for its next try is tried now.")
    return _("What waited for its next try is tried now, but for what waits for the person to be activated.")


@require_POST
def resubmit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Submit a request again with the person's new data, as a Software Token Administrator of the unit."""
    done = _("It is started again with the new data. The person is told.")
    return _done_to(request, pk, ResubmissionForm, resubmission.resubmit, done)


def _done_to(
    request: HttpRequest,
    pk: uuid.UUID,
    kind: type[VerbForm],
    verb: Callable[..., object],
    done: str | Callable[[TokenRequest], str],
    *,
    asked: Callable[[TokenRequest], Confirmation] | None = None,
) -> HttpResponse:
    """Response to an administrator's action on a request, by a form; asked: a confirmation before it."""
    found = requests.request_for_administrator(request, pk)
    actor = offices.officer(request)
    form = kind(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            verb(actor=actor, request_id=pk, **form.cleaned_data)
            outcome.tell(request, found.person, done(found) if callable(done) else done)
            return redirect("console:request", pk)
    if asked is None or refusals.concerns_the_page(form):
        return request_page.response(request, actor, found, form=form)
    return confirmation.page(request, form, asked(found))


def _cancelling(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Cancel the request for %(person)s?") % {"person": isolated(found.person)},
        lead=_("It ends here and cannot be opened again. What was issued for it already is revoked."),
        button=_("Cancel the request"),
        back=reverse("console:request", args=[found.pk]),
        obstacle=cancellation.cancelling_obstacle(found),
    )


def _reminding(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Remind %(person)s?") % {"person": isolated(found.person)},
        lead=_("A mail says what waits for them: the terms, or a passphrase to be noted. Once a day."),
        button=_("Remind the person"),
        back=reverse("console:request", args=[found.pk]),
        dangerous=False,
        obstacle=reminders_by_hand.obstacle(found),
    )


def _reminding_approvers(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Remind the approvers?"),
        lead=_("Who was asked to decide and has not gets a mail. Once a day."),
        button=_("Remind the approvers"),
        back=reverse("console:request", args=[found.pk]),
        dangerous=False,
        obstacle=reminders_by_hand.approvers_obstacle(found),
    )


def _giving(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Issue the remaining certificates to %(person)s?") % {"person": isolated(found.person)},
        lead=_(
            "What was refused is left out for good, and the rest goes on. Whoever needs what was left out "
            "asks for it anew. The person is told."
        ),
        button=_("Issue the remaining certificates"),
        back=reverse("console:request", args=[found.pk]),
        obstacle=partial_issue.obstacle(found) or eligibility.person_obstacle(found.person),
    )


def _revoking(found: TokenRequest) -> Confirmation:
    return Confirmation(
        title=_("Revoke the remaining certificates of %(person)s?") % {"person": isolated(found.person)},
        lead=_(
            "What was issued for this request is revoked, also what is in use already, and the request is "
            "cancelled. The person is told."
        ),
        button=_("Revoke the remaining certificates"),
        back=reverse("console:request", args=[found.pk]),
        obstacle=partial_issue.obstacle(found),
    )
