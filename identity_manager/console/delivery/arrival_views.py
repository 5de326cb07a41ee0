"""Files that did not arrive: an administrator opens the download or answers; and the mail domains."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import arrivals, mails, offices
from identity_manager.console.delivery import arrival_page
from identity_manager.console.delivery.forms import AnswerForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import DeliveryProblem
from identity_manager.queries import mail_domains
from identity_manager.workflow.delivery import arrival


@require_http_methods(["GET", "HEAD", "POST"])
def not_arrived(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Page of a delivery problem, with the possible actions; the POST answers without doing anything else."""
    problem = arrivals.problem(request, pk)
    form = AnswerForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            actor = offices.officer(request)
            arrival.answer(actor=actor, problem_id=pk, **refusals.content(form))
            messages.success(request, _("The person reads your answer in Self-Service."))
            return redirect("console:approvals")
    return _page(request, problem, form)


@require_POST
def open_download(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The owner can fetch the file from now on."""
    problem = arrivals.problem(request, pk)
    form = VerbForm(request.POST)
    if form.is_valid():
        with refusals.show_refusal(form):
            arrival.open_download(actor=offices.officer(request), problem_id=pk)
            messages.success(request, _("The person can fetch the file in Self-Service, and gets a mail."))
            return redirect("console:approvals")
    return _page(request, problem, form)


def _page(request: HttpRequest, problem: DeliveryProblem, form: VerbForm) -> HttpResponse:
    context = arrival_page.context(offices.officer(request), problem, form)
    status = refusals.status_of(form)
    return render(request, "identity_manager/delivery/not_arrived.html", context, status=status)


@require_safe
def domains(request: HttpRequest) -> HttpResponse:
    """**Mail domains**: how deliveries fare, domain by domain."""
    mails.mail_watcher(request)
    context = {"tab": "outbox", "rows": mail_domains.remembered_figures(), "days": mail_domains.DAYS}
    return render(request, "identity_manager/delivery/mail_domains.html", context)
