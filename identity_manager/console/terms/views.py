"""**Acceptance of terms**: the report, and its export."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from identity_manager.audit import exports
from identity_manager.console.access import acceptances
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.terms import report


@require_safe
def accepted(request: HttpRequest) -> HttpResponse:
    """Report of acceptances of terms, for Software Token Administrators and Auditors."""
    context = report.context(request, acceptances.acceptance_reader(request))
    status = 200 if context["form"].is_valid() else 422
    return render(request, "identity_manager/terms/acceptances.html", context, status=status)


@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """All that the filters find, not a page alone."""
    actor = acceptances.acceptance_reader(request)
    form = report.ReportForm(QueryDict(request.POST.get("filters", "")))
    rows = report.found(actor, form, timezone.now())
    if not form.is_valid() or form.chosen is None:
        return redirect("console:terms-acceptances")
    filters = {"version": str(form.chosen.pk), "state": form.cleaned_data["state"]}
    exports.record(actor=actor, what="terms-acceptance", rows=rows.count(), filters=filters)
    lines = map(report.COLUMNS.exported, rows.iterator(chunk_size=500))
    return csv_response("acceptance-of-terms", report.COLUMNS.header, lines)
