"""**Renewals**: the forecast, for who enables persons and for auditors."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.console.access import renewals
from identity_manager.console.renewal import page


@require_safe
def forecast(request: HttpRequest) -> HttpResponse:
    context = page.context(renewals.renewal_reader(request))
    return render(request, "identity_manager/renewal/forecast.html", context)
