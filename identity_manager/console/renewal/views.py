"""**Renewals**: the forecast for administrators and auditors, and decisions on holder changes."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.console.access import offices, renewals
from identity_manager.console.forms import refusals
from identity_manager.console.renewal import page
from identity_manager.console.renewal.forms import LeaveTokenForm
from identity_manager.ui.bidi import isolated
from identity_manager.workflow.renewal import holder_changes


@require_safe
def forecast(request: HttpRequest) -> HttpResponse:
    """Forecast of expiring certificates and renewals, for Software Token Administrators and Auditors."""
    context = page.context(renewals.renewal_reader(request))
    return render(request, "identity_manager/renewal/forecast.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def holder_change(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Data in the token beside the present ones: an administrator renews it, or leaves it as it is."""
    change = renewals.holder_change(request, pk)
    form = LeaveTokenForm(refusals.post_data(request), initial=page.seen(change))
    if form.is_valid():
        with refusals.show_refusal(form):
            actor = offices.officer(request)
            holder_changes.leave(actor=actor, change_id=pk, **refusals.content(form))
            words = {"type": change.token, "person": isolated(change.person)}
            messages.success(request, _("%(type)s of %(person)s stays as it is.") % words)
            return redirect("console:approvals")
    context = page.change_context(change, form)
    return render(
        request, "identity_manager/renewal/holder_change.html", context, status=refusals.status_of(form)
    )
