"""OUTBOX: list and page of mails; retry, discard and bounce."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import mails, offices
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.outbox import bulk_actions
from identity_manager.console.outbox import page as outbox_page
from identity_manager.console.outbox.forms import (
    BounceForm,
    DiscardForm,
    DiscardManyForm,
    ManyForm,
    RetryForm,
)
from identity_manager.console.outbox.mailbox_views import SANDBOX
from identity_manager.console.requests import page as request_page
from identity_manager.mail import inline_logo
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import OutgoingMail
from identity_manager.ui.punctuation import labelled
from identity_manager.workflow.delivery import mail_relevance, outbox_actions

OUTBOX = "outbox"


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List mails, for Software Token Administrators of the units, System Administrators and Auditors."""
    context = outbox_page.context(request, mails.mail_watcher(request))
    status = 200 if context["form"].is_valid() else refusals.UNPROCESSABLE
    return render(request, "identity_manager/outbox/outbox.html", context, status=status)


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One mail, for Software Token Administrators of the unit, System Administrators and Auditors."""
    return _mail_page(request, mails.mail_for_watcher(request, pk), form=RetryForm())


@require_safe
@never_cache
@xframe_options_sameorigin
def html(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The HTML of a mail, in a sandbox that permits only to open links."""
    mail = mails.mail_for_reader(request, pk)
    return HttpResponse(inline_logo.shown(mail.body_html), headers={"Content-Security-Policy": SANDBOX})


@require_POST
def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Retry a failed mail now, as a Software Token Administrator or System Administrator."""
    mail = mails.mail_for_retrier(request, pk)
    actor = offices.officer(request)
    form = RetryForm(request.POST)
    back_to = None if form.data.get("origin") == OUTBOX else mails.request_of_mail(actor, mail)
    if form.is_valid():
        with refusals.show_refusal(form):
            retried = outbox_actions.retry(actor=actor, mail_id=pk)
            messages.success(request, _waiting_words(retried) or _("The mail is sent again."))
            return redirect("console:request", back_to) if back_to else redirect("console:mail", pk)
    if back_to:
        return request_page.response(request, actor, back_to, form=form)
    return _mail_page(request, mails.mail_for_watcher(request, pk), form=form)


def _waiting_words(mail: OutgoingMail) -> str:
    """Reason why a mail is not sent now (leave, hold, stopped request); empty for others."""
    obstacle = mail_relevance.obstacle(mail)
    return labelled(_("The mail waits"), obstacle.detail) if isinstance(obstacle, DeliveryFault) else ""


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Discard a mail with a reason, after a confirmation page, as a Software Token Administrator."""
    mail = mails.mail_for_administrator(request, pk)
    form = DiscardForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            outbox_actions.discard(actor=offices.officer(request), mail_id=pk, **form.cleaned_data)
            messages.success(request, _("The mail is discarded."))
            return redirect("console:mail", pk)
    if refusals.concerns_the_page(form):
        return _mail_page(request, mails.mail_for_watcher(request, pk), form=form)
    return confirmation.page(request, form, bulk_actions.discarding(mail))


@require_http_methods(["GET", "HEAD", "POST"])
def report_bounce(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Record that a sent mail bounced, as a Software Token Administrator."""
    mail = mails.mail_for_administrator(request, pk)
    form = BounceForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            outbox_actions.report_bounce(actor=offices.officer(request), mail_id=pk, **form.cleaned_data)
            messages.success(request, _("The mail is marked as come back."))
            return redirect("console:mail", pk)
    if refusals.concerns_the_page(form):
        return _mail_page(request, mails.mail_for_watcher(request, pk), form=form)
    return confirmation.page(request, form, bulk_actions.reporting(mail))


@require_http_methods(["GET", "HEAD", "POST"])
def retry_many(request: HttpRequest) -> HttpResponse:
    """Show the number; the POST retries a bounded number of mails."""
    work = bulk_actions.BulkMailAction.to_retry(request)
    form = ManyForm(refusals.post_data(request), initial={"as_of": work.now})
    if form.is_valid():
        with refusals.show_refusal(form):
            tally = outbox_actions.retry_many(actor=work.actor, mail_ids=work.ids(form.cleaned_data["as_of"]))
            return _went_on(request, work, tally)
    return _confirm(request, form, work.retrying())


@require_http_methods(["GET", "HEAD", "POST"])
def discard_many(request: HttpRequest) -> HttpResponse:
    """Show the number; the POST discards a bounded number of mails, with a reason."""
    work = bulk_actions.BulkMailAction.to_discard(request)
    form = DiscardManyForm(refusals.post_data(request), initial={"as_of": work.now})
    if form.is_valid():
        with refusals.show_refusal(form):
            ids, reason = work.ids(form.cleaned_data["as_of"]), form.cleaned_data["reason"]
            return _went_on(
                request, work, outbox_actions.discard_many(actor=work.actor, mail_ids=ids, reason=reason)
            )
    return _confirm(request, form, work.discarding())


def _went_on(
    request: HttpRequest, work: bulk_actions.BulkMailAction, tally: outbox_actions.Tally
) -> HttpResponse:
    """Redirect to the list, or to the confirmation again while there are more such mails."""
    left = work.number
    messages.success(request, bulk_actions.words_of(tally, left=left))
    return redirect(request.get_full_path() if left and tally.done else work.back)


def _confirm(request: HttpRequest, form: VerbForm, page: Confirmation | None) -> HttpResponse:
    if page is None:
        messages.info(request, _("There is no such mail any more on which there is something to do."))
        return redirect("console:outbox")
    return confirmation.page(request, form, page)


def _mail_page(request: HttpRequest, mail: OutgoingMail, *, form: VerbForm) -> HttpResponse:
    context = {**outbox_page.detail(offices.officer(request), mail), "form": form}
    return render(request, "identity_manager/outbox/mail.html", context, status=refusals.status_of(form))
