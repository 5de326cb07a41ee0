"""ADMIN, Client certificates: how they are set up, and a test of what the proxy passes on."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from identity_manager.account.client_certificates import certificate_test
from identity_manager.account.sign_in import recent_sign_in_required, signed_in_recently
from identity_manager.console.access import offices
from identity_manager.console.administration import certificate_test_page
from identity_manager.models import Role
from identity_manager.ui.http.security_headers import let_forms_lead_to


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponseBase:
    """Show the settings; the POST redirects to the certificate host name, which redirects back."""
    offices.officer(request, Role.SYSTEM_ADMINISTRATOR)
    if request.method == "POST" and certificate_test_page.is_on():
        return _begin(request)
    found = certificate_test.answer(request) if signed_in_recently(request) else None
    context = certificate_test_page.context(found, answered="answer" in request.GET)
    response = render(request, "identity_manager/administration/certificate_test.html", context)
    if settings.CERTIFICATE_BASE_URL:
        let_forms_lead_to(response, [settings.CERTIFICATE_BASE_URL])
    return response


@recent_sign_in_required
def _begin(request: HttpRequest) -> HttpResponse:
    back = request.build_absolute_uri(reverse("console:certificate-test"))
    return redirect(certificate_test.begin(request, back=back))
