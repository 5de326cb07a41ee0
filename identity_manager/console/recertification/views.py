"""Views of the recertification of roles: list, open, confirm, withdraw, and the report."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.audit import exports
from identity_manager.console.access import offices, role_reviews
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.print import document as printed
from identity_manager.console.recertification import page, report
from identity_manager.console.recertification.page import ConfirmForm
from identity_manager.console.recertification.review_columns import COLUMNS
from identity_manager.people.officers import recertification


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The campaigns, and when the next one begins."""
    context = page.listing(offices.office_reader(request))
    return render(request, "identity_manager/recertification/listing.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def open_now(request: HttpRequest) -> HttpResponse:
    """Open a campaign before its day."""
    actor = role_reviews.user_administrator(request)
    act = Act(
        verb=partial(recertification.open_now, actor=actor),
        done=lambda _campaign: _("The recertification is open."),
        back=reverse("console:recertifications"),
        ask=lambda: page.opening(actor),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The roles of a campaign and what became of them; the POST confirms the ticked ones."""
    campaign, actor = role_reviews.recertification(request, pk), offices.officer(request)
    form = ConfirmForm(refusals.post_data(request), rows=page.decidable(actor, campaign))
    if form.is_valid():
        page.confirm(request, actor, form.cleaned_data["reviews"])
        return redirect("console:recertification", pk)
    context = page.context(actor, campaign, form=form, state=request.GET.get("state", ""))
    template = "identity_manager/recertification/show.html"
    return render(request, template, context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Withdraw the role instead of confirming it."""
    review = role_reviews.review(request, pk)
    act = Act(
        verb=partial(recertification.withdraw, actor=offices.officer(request), review_id=pk),
        done=lambda _review: _("%(person)s does not have the role %(role)s any more.") % page.names(review),
        back=reverse("console:recertification", args=[review.campaign_id]),
        ask=lambda: page.withdrawing(offices.officer(request), review),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_POST
def export(request: HttpRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    """The report as a CSV file."""
    campaign, actor = role_reviews.recertification_to_read(request, pk), offices.officer(request)
    rows = report.reviews(actor, campaign)
    exports.record(actor=actor, what="recertification", rows=len(rows), filters={"recertification": str(pk)})
    return csv_response("recertification", COLUMNS.header, (COLUMNS.exported(each) for each in rows))


@require_safe
def print_report(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The report to print."""
    campaign = role_reviews.recertification_to_read(request, pk)
    return printed.response(request, report.document(offices.officer(request), campaign))
