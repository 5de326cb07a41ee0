"""ADMIN, Certificate authorities: the connections, and **Test connection**."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from identity_manager.authorities import circuit_breaker
from identity_manager.console.access import administration, offices
from identity_manager.console.administration import authority_page
from identity_manager.console.forms.fields import PressForm


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List CA connections and health checks. System Administrators and Auditors read it."""
    actor = offices.catalogue_reader(request)
    context = authority_page.context(actor, form=PressForm())
    return render(request, "identity_manager/administration/authorities.html", context)


@require_POST
def test(request: HttpRequest, alias: str) -> HttpResponse:
    """Test a connection; the result, good or bad, is shown on the page."""
    actor, alias = administration.connection_for_system_administrator(request, alias)
    row = circuit_breaker.check(actor=actor, alias=alias)
    if row.ok:
        messages.success(request, _("%(alias)s answers.") % {"alias": alias})
    else:
        messages.error(request, _("%(alias)s does not answer.") % {"alias": alias})
    return redirect("console:authorities")
