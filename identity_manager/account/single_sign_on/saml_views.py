"""Views of SAML 2.0: metadata, assertion consumer service (POST binding), and the arrival behind it.

They import saml.py when they are called: python3-saml and lxml take 12 MB of every process, workers too, and
most installations have no SAML provider.
"""

from http import HTTPStatus

from allauth.core import ratelimit
from allauth.socialaccount.sessions import LoginSession
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from identity_manager.account import arrival, sign_in_methods
from identity_manager.account.single_sign_on import sso_sign_out
from identity_manager.people.sign_in.saml_provider import SamlProvider
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.http import error_pages

ANSWER_SECONDS = 300
LONGEST_RESPONSE = 256 * 1024  # characters of base64


@login_not_required
@require_safe
def metadata(request: HttpRequest, provider_id: str) -> HttpResponse:
    """SP metadata, for the provider's administrator."""
    from identity_manager.account.single_sign_on import saml

    content = saml.metadata(request, _provider(provider_id))
    return HttpResponse(content, content_type="application/samlmetadata+xml")


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def acs(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Store the response and redirect to a GET: a cross-site POST has no session cookie (SameSite)."""
    provider = _provider(provider_id)
    if not ratelimit.consume(request, action="login"):
        return error_pages.too_many_requests(request)
    response = redirect("saml-finish", provider.id)
    if answer := request.POST.get("SAMLResponse", ""):
        kept = _kept(request)
        kept.store["answer"] = answer[:LONGEST_RESPONSE]  # longer bodies cannot be read
        kept.store.set_expiry(ANSWER_SECONDS)
        kept.save(response)
    return response


@login_not_required
@never_cache
@require_safe
def finish(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Verify the stored response, then sign in."""
    from identity_manager.account.single_sign_on import saml

    provider = _provider(provider_id)
    kept = _kept(request)
    answer = kept.store.get("answer", "")
    kept.delete()
    if not answer:
        return arrival.page(request, provider, arrival.LOST, status=HTTPStatus.BAD_REQUEST)
    try:
        said = saml.verified(request, provider, answer)
        return arrival.arrive(request, said, keep=lambda _account: sso_sign_out.forget(request))
    except Refused as refusal:
        unreadable = refusal.reason == saml.UNREADABLE
        status = HTTPStatus.BAD_REQUEST if unreadable else HTTPStatus.FORBIDDEN
        return arrival.refused(request, provider, refusal.reason, status=status)


def _provider(provider_id: str) -> SamlProvider:
    provider: SamlProvider | None = settings.SAML_PROVIDERS.get(provider_id)
    if provider is None or not sign_in_methods.is_offered(sign_in_methods.SAML):
        raise Http404
    return provider


def _kept(request: HttpRequest) -> LoginSession:
    """A separate session for the response, whose cookie is limited to this path."""
    return LoginSession(request, "saml_answer", f"{settings.SESSION_COOKIE_NAME}-saml")
