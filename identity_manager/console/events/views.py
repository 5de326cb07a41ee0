"""ADMIN, Other systems: SIEM sinks and webhooks, and how far each is behind."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.catalogue import permission
from identity_manager.console.access import events as access
from identity_manager.console.events import page, webhook_page
from identity_manager.console.events.forms import ResendForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.events import forwarding

TEMPLATES = "identity_manager/events"


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Every SIEM and every webhook, and how far each is behind."""
    actor = access.reader(request)
    context = {
        "sinks": list(page.siem_lines()),
        "webhooks": list(webhook_page.lines()),
        "acts": permission.is_system_administrator(actor),
    }
    return render(request, f"{TEMPLATES}/overview.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def resend(request: HttpRequest, name: str) -> HttpResponse:
    """Send the audit log to a SIEM again, from a number on."""
    actor = access.siem_sink(request, name)
    act = Act(
        verb=partial(forwarding.resend, actor=actor, name=name),
        done=lambda _row: _("The events are sent again."),
        back=reverse("console:other-systems"),
        page=lambda form: _resend_page(request, form, name),
    )
    return respond(request, ResendForm(refusals.post_data(request)), act)


def _resend_page(request: HttpRequest, form: refusals.VerbForm, name: str) -> HttpResponse:
    line = next(line for line in page.siem_lines() if line.sink.name == name)
    context = {"form": form, "line": line}
    return render(request, f"{TEMPLATES}/resend.html", context, status=refusals.status_of(form))
