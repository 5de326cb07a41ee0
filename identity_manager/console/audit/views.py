"""The audit log: the list, its export, its check, and evidence."""

import json
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.audit import checks as audit_checks
from identity_manager.audit import evidence, exports
from identity_manager.console.access import audit as audit_access
from identity_manager.console.access import offices
from identity_manager.console.audit import audit_pack, evidence_page
from identity_manager.console.audit import log as audit_log
from identity_manager.console.audit.event_columns import COLUMNS
from identity_manager.console.lists.csv_export import csv_response
from identity_manager.console.print import document as printed


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """AUDIT LOG, the history: each officer sees the events that their roles and units permit."""
    context = audit_log.context(request, offices.officer(request))
    status = 200 if context["form"].is_valid() else 422
    return render(request, "identity_manager/audit/history.html", context, status=status)


@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """Export all events that the filters find."""
    actor = offices.officer(request)
    form = audit_log.wanted_of(request.POST)
    rows = audit_log.found(actor, form)
    if not form.is_valid():
        return redirect("console:history")
    number = rows.order_by().count()
    exports.record(actor=actor, what="audit-event", rows=number, filters=audit_log.filters_of(form))
    events = audit_log.with_more(rows).iterator(chunk_size=500)
    rows_of_file = map(COLUMNS.exported, audit_log.prepared(events))
    return csv_response("audit-log", COLUMNS.header, rows_of_file)


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Show the state of the log; the POST requests a verification by a worker."""
    actor = audit_access.log_checker(request)
    if request.method == "POST":
        audit_checks.ask(actor=actor)
        return redirect("console:history-check")
    return render(request, "identity_manager/audit/history_check.html", audit_log.check_context())


@require_http_methods(["GET", "HEAD", "POST"])
def pack(request: HttpRequest) -> HttpResponseBase:
    """Ask for the period; the POST returns the file, and is audited."""
    actor = audit_access.whole_log_reader(request)
    form = audit_pack.PackForm(request.POST or None, initial=audit_pack.last_year())
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        context = {"tab": "admin", "form": form, "contents": audit_pack.contents()}
        return render(request, "identity_manager/audit/audit_pack.html", context, status=status)
    period = audit_pack.Period(form.cleaned_data["since"], form.cleaned_data["until"])
    days = {"since": period.first.isoformat(), "until": period.last.isoformat()}
    number = audit_pack.number_of_events(period)
    exports.record(actor=actor, what="audit-pack", rows=number, filters=days)
    response = StreamingHttpResponse(audit_pack.stream(period), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{audit_pack.file_name(period)}"'
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def public_key(request: HttpRequest) -> HttpResponse:
    """Download the public key (PEM) that verifies signed heads, as an Auditor or System Administrator."""
    audit_access.log_checker(request)
    pem = evidence.public_key_pem()
    if not pem:
        raise Http404
    return _file(pem, "audit-public-key.pem", "application/x-pem-file")


@require_POST
def evidence_of_request(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Download a check file: the signed proof of a request's events (JSON), as an Auditor."""
    found = audit_access.request_for_auditor(request, pk)
    exported = evidence.export_for_request(actor=offices.officer(request), request_id=found.pk)
    return _evidence(exported, f"check-file-{found.reference}.json")


@require_POST
def evidence_to_print(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The evidence as a page to print; audited like the download of the check file."""
    found, actor = audit_access.request_for_auditor(request, pk), offices.officer(request)
    exported = evidence.export_for_request(actor=actor, request_id=found.pk)
    return printed.response(request, evidence_page.document(actor, found, exported))


@require_POST
def evidence_of_token(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Download a check file: the signed proof of a token's events (JSON), as an Auditor."""
    found = audit_access.token_for_auditor(request, pk)
    exported = evidence.export_for_token(actor=offices.officer(request), token_id=found.pk)
    return _evidence(exported, f"check-file-{found.pk}.json")


def _evidence(exported: dict[str, Any], name: str) -> HttpResponse:
    return _file(json.dumps(exported, indent=2, sort_keys=True), name, "application/json")


def _file(content: str, name: str, media_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)
