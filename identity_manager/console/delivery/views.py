"""Unconfirmed installations: an administrator answers for the person."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from identity_manager.console.access import installations, offices
from identity_manager.console.delivery import page
from identity_manager.console.delivery.forms import LeaveForm
from identity_manager.console.forms import refusals
from identity_manager.ui.bidi import isolated
from identity_manager.workflow.delivery import installation_check


@require_http_methods(["GET", "HEAD", "POST"])
def not_installed(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Since when it is delivered, and what was mailed: leave it as it is, send it again, or revoke it."""
    notice = installations.notice(request, pk)
    form = LeaveForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            actor = offices.officer(request)
            installation_check.leave(actor=actor, token_id=notice.token_id, **refusals.content(form))
            words = {"type": notice.token, "person": isolated(notice.token.person)}
            messages.success(request, _("%(type)s of %(person)s stays as it is.") % words)
            return redirect("console:approvals")
    context = page.context(offices.officer(request), notice, form)
    return render(
        request, "identity_manager/delivery/not_installed.html", context, status=refusals.status_of(form)
    )
