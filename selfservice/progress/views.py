"""Step 5 for the person: progress of issuance, three progress bars."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from identity_manager.models import TokenRequest
from selfservice import access
from selfservice.open_tasks.page import type_names
from selfservice.progress import page as issuance
from selfservice.requests import request_summaries, type_choices


@require_safe
@never_cache
def progress(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Show the progress of issuance; redirect to the passphrase once all tokens are sealed."""
    row = access.own_request(request, request_id)
    target = _passphrase_page(row)
    if target:
        return redirect(target)
    return render(request, "selfservice/progress/progress.html", {"tab": "open_tasks", **_context(row)})


@require_safe
@never_cache
def progress_lines(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """The fragment with the progress bars, which htmx polls."""
    row = access.own_request(request, request_id)
    target = _passphrase_page(row)
    if target:
        return HttpResponseClientRedirect(target)
    return render(request, "selfservice/progress/progress_lines.html", _context(row))


def _passphrase_page(row: TokenRequest) -> str:
    """URL of the passphrase, when issuance is complete and one waits; else empty."""
    token = issuance.next_passphrase(row)
    if token is None or row.state in ("issuing", "failed"):
        return ""
    return reverse("selfservice:passphrase", args=[token.pk])


def _context(row: TokenRequest) -> dict[str, Any]:
    return {
        "token_request": row,
        "types": type_names(row.lines),
        "progress": issuance.of(row, now=timezone.now()),
        "story": request_summaries.of(row, offered=type_choices.codes_on_demand(row.person)),
    }
