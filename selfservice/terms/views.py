"""Step 4: the person reads and accepts the **Terms and Conditions**, or declines.

PstmProcSubStartSoftwareTokenRequest of Nexus.
"""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.models import RequestState, TermsText, TermsVersion, TokenRequest
from identity_manager.workflow import step4_accept
from selfservice import access
from selfservice.certificates import token_status
from selfservice.open_tasks.page import type_names
from selfservice.requests import request_summaries, type_choices
from selfservice.terms import certificate_content
from selfservice.terms.forms import DeclineForm, TermsForm


@require_http_methods(["GET", "HEAD", "POST"])
def terms(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Show the terms and what will be issued; accept them."""
    row = access.own_request(request, request_id)
    form = TermsForm(request.POST if request.method == "POST" else None, asked=row)
    accepted = form.perform(
        lambda: step4_accept.accept(
            actor=row.person,
            request_id=row.pk,
            snapshot_hash=form.cleaned_data["snapshot_hash"],
            text_ids=form.text_ids,
            devices=form.device_codes,
        )
    )
    if accepted:
        return redirect("selfservice:progress", row.pk)
    if form.is_bound:
        form.clear_the_box()
    return _page(request, access.own_request(request, request_id) if form.is_bound else row, form=form)


@require_safe
def terms_text(request: HttpRequest, request_id: uuid.UUID, text_id: uuid.UUID) -> HttpResponse:
    """One of the request's texts as a file."""
    row = access.own_request(request, request_id)
    documents = row.tokens.values("token_type__terms")
    text = get_object_or_404(TermsText, pk=text_id, version__document__in=documents)
    return text_file(text)


def text_file(text: TermsText) -> HttpResponse:
    """The text as a file that is downloaded."""
    name = f"{text.version.document.code}-{text.version.number}-{text.language}.txt"
    response = HttpResponse(f"{text.title}\n\n{text.body}\n", content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def decline(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Ask whether the person means it and why, then end the request."""
    row = access.own_request(request, request_id)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    declined = form.perform(
        lambda: step4_accept.decline(actor=row.person, request_id=row.pk, reason=form.cleaned_data["reason"])
    )
    if declined:
        messages.success(request, _("You have declined. Nothing was issued."))
        return redirect("selfservice:requests")
    row = access.own_request(request, request_id) if form.is_bound else row
    if row.state != RequestState.AWAITING_ACCEPTANCE:
        return _moved_on(request, row, form=form)
    context = {"tab": "open_tasks", "form": form, "token_request": row, "types": _types(row)}
    return render(request, "selfservice/terms/decline.html", context, status=form.status)


def _page(request: HttpRequest, row: TokenRequest, *, form: TermsForm) -> HttpResponse:
    if row.state != RequestState.AWAITING_ACCEPTANCE or row.is_stopped:
        return _moved_on(request, row, form=form)
    versions = step4_accept.terms_of(row)
    prefetch_related_objects(versions, "texts")
    contents = certificate_content.of_tokens(row.lines)
    context = {
        "tab": "open_tasks",
        "form": form,
        "token_request": row,
        "types": _types(row),
        "contents": contents,
        "has_file": any(not each.is_sole for each in contents),
        "by_link": token_status.by_link(),
        "documents": [document_in(version, request.GET.get("language")) for version in versions],
    }
    return render(request, "selfservice/terms/terms.html", context, status=form.status)


def document_in(version: TermsVersion, language: str | None) -> dict[str, Any]:
    """A version as the page shows it, in the language that was asked for, with the others to switch to."""
    text = version.text_in(language)
    return {
        "version": version,
        "text": text,
        "languages": sorted(version.texts.all(), key=lambda each: each.language),
    }


def _moved_on(request: HttpRequest, row: TokenRequest, *, form: TermsForm | DeclineForm) -> HttpResponse:
    """The request does not wait for acceptance: say where it stands."""
    story = request_summaries.of(row, offered=type_choices.codes_on_demand(row.person))
    if not form.is_bound:
        return redirect(story.url or "selfservice:requests")
    context = {"tab": "open_tasks", "form": form, "token_request": row, "types": _types(row), "story": story}
    return render(request, "selfservice/terms/moved_on.html", context, status=409)


def _types(row: TokenRequest) -> str:
    return type_names(row.lines)
