"""Views of single sign-on: redirect to the provider, callback of OpenID Connect."""

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from allauth.core import ratelimit
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from ca_bridge.connection import faults
from identity_manager.account import arrival, redirects
from identity_manager.account.single_sign_on import provider_sessions, sso, sso_sign_out
from identity_manager.models import Account
from identity_manager.people.sign_in.saml_provider import SamlProvider
from identity_manager.people.sign_in.sso_provider import SsoProvider
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.http import error_pages

logger = logging.getLogger(__name__)


@login_not_required
@never_cache
@require_POST
def start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Redirect to the provider; a signed-in user is re-authenticated there."""
    provider = arrival.provider_or_404(provider_id)
    if not ratelimit.consume(request, action="login"):
        return error_pages.too_many_requests(request)
    next_url, fresh = redirects.wanted(request), request.user.is_authenticated
    if isinstance(provider, SamlProvider):
        from identity_manager.account.single_sign_on import saml  # when it is needed: see saml_views

        return saml.begin(request, provider, next_url=next_url, fresh=fresh)
    try:
        return sso.begin(request, provider_id, next_url=next_url, fresh=fresh)
    except sso.BROKEN as error:
        return _no_answer(request, sso.provider_or_404(provider_id), error)


@login_not_required
@never_cache
@require_safe
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Redirect address for the provider."""
    sso.provider_or_404(provider_id)
    response: HttpResponse = _Callback.adapter_view(sso.OidcAdapter(request, provider_id))(request)
    return response


class _Callback(OAuth2CallbackView):  # type: ignore[misc]  # allauth has no types
    """allauth's view up to the code exchange; the rest is ours."""

    def dispatch(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        provider = sso.provider_or_404(self.adapter.provider_id)
        state, _response = self._get_state(request, self.adapter.get_provider())
        if state is None:
            return arrival.page(request, provider, arrival.LOST, status=HTTPStatus.BAD_REQUEST)
        if "code" not in request.GET:
            return arrival.refused(request, provider, arrival.CANCELLED)
        try:
            claims = self._claims(request, state)
        except sso.BROKEN as error:
            return _no_answer(request, provider, error)
        try:
            return _arrived(request, self.adapter, claims, state)
        except Refused as refusal:
            return arrival.refused(request, provider, refusal.reason)

    def _claims(self, request: HttpRequest, state: dict[str, Any]) -> dict[str, Any]:
        app = self.adapter.get_provider().app
        tokens = self.adapter.get_access_token_data(
            request,
            app,
            self.adapter.get_client(request, app),
            pkce_code_verifier=state["pkce_code_verifier"],
        )
        claims: dict[str, Any] = self.adapter.claims_of(tokens, state=state)
        return claims


def _arrived(
    request: HttpRequest, adapter: sso.OidcAdapter, claims: dict[str, Any], state: dict[str, Any]
) -> HttpResponse:
    provider = sso.provider_or_404(adapter.provider_id)

    def keep(account: Account) -> None:
        endpoint = adapter.openid_config.get("end_session_endpoint")
        sso_sign_out.keep(request, provider, account=account, endpoint=endpoint, id_token=adapter.id_token)
        provider_sessions.keep(
            request, provider, sid=adapter.sid, subject=adapter.subject, asked_at=state["asked_at"]
        )

    answer = arrival.Answer(
        provider=provider,
        claims=claims,
        authenticated_at=float(claims.get("auth_time") or 0),
        proves_second_factor=adapter.proves_second_factor,
        next_url=state.get("next"),
    )
    return arrival.arrive(request, answer, keep=keep)


def _no_answer(request: HttpRequest, provider: SsoProvider, error: Exception) -> HttpResponse:
    host = urlsplit(provider.server_url).netloc
    logger.warning("Single sign-on %s: %s", provider.id, faults.sentence(host, error))
    return arrival.refused(request, provider, arrival.NO_ANSWER, status=HTTPStatus.BAD_GATEWAY)
