"""**Reports**: the list, one report, its file, and what an officer saves of it."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.audit import exports
from identity_manager.console.access import offices
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.lists.xlsx_export import xlsx_response
from identity_manager.console.reports import page
from identity_manager.console.reports.forms import MailingForm, ReportForm, SaveForm
from identity_manager.models import Mailing
from identity_manager.people import saved_searches

FILES = {"csv": csv_response, "xlsx": xlsx_response}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List the reports that the officer's roles may read, and their saved reports."""
    context = page.listing_context(page.reader(request))
    return render(request, "identity_manager/reports/listing.html", context)


@require_safe
def show(request: HttpRequest, name: str) -> HttpResponse:
    """One report with its filters, for officers whose roles may read it."""
    context = page.context(*page.report_for_reader(request, name), request.GET)
    status = 200 if context["form"].is_valid() else 422
    return render(request, "identity_manager/reports/report.html", context, status=status)


@require_POST
def export(request: HttpRequest, name: str) -> HttpResponseBase:
    """The report with these filters, as CSV or XLSX."""
    actor, report = page.report_for_reader(request, name)
    asked = QueryDict(request.POST.get("filters", ""))
    form = ReportForm(asked, report=report, actor=actor)
    if not form.is_valid():
        return redirect(page.address(report, asked))
    lines = list(report.read(form.asked))
    filters = {"report": report.name, **QueryDict(page.filters_of(report, asked)).dict()}
    exports.record(actor=actor, what="report", rows=len(lines), filters=filters)
    respond = FILES.get(request.POST.get("format", ""), csv_response)
    return respond(report.name, [each.label for each in report.columns], page.exported(report, lines))


@require_http_methods(["GET", "HEAD", "POST"])
def save(request: HttpRequest, name: str) -> HttpResponse:
    """Save the report with its filters under a name, as an officer who may read it."""
    actor, report = page.report_for_reader(request, name)
    criteria, form = page.filters_of(report, request.GET), SaveForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            query = f"report={report.name}&{criteria}".rstrip("&")
            mailing = Mailing(form.cleaned_data["mailing"])
            saved_searches.keep_report(
                actor=actor, name=form.cleaned_data["name"], query=query, mailing=mailing
            )
            messages.success(request, _("The report is saved. It stands on the page of reports."))
            return redirect("console:reports")
    back = page.address(report, request.GET)
    return confirmation.page(request, form, _asking(_("Save this report"), str(report.title), back))


@require_safe
def saved(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The saved report, to which its mail links."""
    row = offices.saved_report(request, pk)
    asked = QueryDict(row.query)
    report = page.report_for_reader(request, asked.get("report", ""))[1]
    return redirect(page.address(report, asked))


@require_http_methods(["GET", "HEAD", "POST"])
def mail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Choose when the link to a saved report is mailed, as its owner."""
    row = offices.saved_report(request, pk)
    form = MailingForm(refusals.post_data(request), initial={"mailing": row.mailing})
    if form.is_valid():
        mailing = Mailing(form.cleaned_data["mailing"])
        saved_searches.mail_report(actor=row.owner, search_id=pk, mailing=mailing)
        messages.success(request, _("The link is mailed as you have chosen."))
        return redirect("console:reports")
    asked = _asking(_("Link to %(name)s by mail") % {"name": row.name}, "", reverse("console:reports"))
    return confirmation.page(request, form, asked)


def _asking(title: str, lead: str, back: str) -> Confirmation:
    return Confirmation(title, lead, _("Save"), back, tab="start", dangerous=False)
