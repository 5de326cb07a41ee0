"""Views of single sign-on: redirect to the provider, callback."""

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import ratelimit
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from ca_bridge.connection import faults
from identity_manager.account import provider_sessions, sign_in, sign_in_methods, sso, sso_sign_out
from identity_manager.account import redirects as destinations
from identity_manager.models import Account
from identity_manager.people.sign_in import second_factors, single_sign_on
from identity_manager.people.sign_in.sso_provider import SsoProvider
from identity_manager.transactions.refusals import Reason, Refused, require
from identity_manager.ui import error_pages

logger = logging.getLogger(__name__)
NO_ANSWER = Reason(
    "sso-no-answer", _("Your organisation's sign-in cannot be reached, or its answer was not right.")
)
CANCELLED = Reason("sso-cancelled", _("The sign-in was not completed there."))
LOST = Reason("sso-lost", _("This sign-in was begun in another window or too long ago."))
SOMEBODY_ELSE = Reason("sso-somebody-else", _("You signed in there as somebody else than here."))


@login_not_required
@never_cache
@require_POST
def start(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Redirect to the provider; a signed-in user is re-authenticated there."""
    provider = sso.provider_or_404(provider_id)
    if not ratelimit.consume(request, action="login"):
        return error_pages.too_many_requests(request)
    try:
        return sso.begin(
            request,
            provider_id,
            next_url=destinations.wanted(request),
            fresh=request.user.is_authenticated,
        )
    except sso.BROKEN as error:
        return _no_answer(request, provider, error)


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
            return _page(request, provider, LOST, status=HTTPStatus.BAD_REQUEST)
        if "code" not in request.GET:
            return refused(request, provider, CANCELLED)
        try:
            claims = self._claims(request, state)
        except sso.BROKEN as error:
            return _no_answer(request, provider, error)
        try:
            return _arrived(request, self.adapter, claims, state)
        except Refused as refusal:
            return refused(request, provider, refusal.reason)

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
    """Sign in, or confirm the signed-in user. Raises Refused."""
    provider = sso.provider_or_404(adapter.provider_id)
    proved = adapter.proves_second_factor or not provider.asks_second_factor
    require(proved, else_=single_sign_on.NO_SECOND_FACTOR)
    here = request.user if isinstance(request.user, Account) else None
    if here is not None and not single_sign_on.is_of(here, provider=provider, claims=claims):
        raise Refused(SOMEBODY_ELSE)
    if here is not None and second_factors.has_one(here) and not provider.asks_second_factor:
        # The provider's proof counts as the first factor; this session has both.
        return sign_in.redirect_to_confirmation(state.get("next") or reverse("account"))
    account = here or single_sign_on.sign_in(provider=provider, claims=claims)
    # auth_time of the provider, not now: the user may have signed in there hours ago.
    record_authentication(
        request,
        account,
        method=sign_in_methods.SSO_METHOD,
        provider=provider.id,
        at=float(claims.get("auth_time") or 0),
        reauthenticated=True if here else None,
    )
    next_url = state.get("next")
    if here is not None:
        sign_in.renew_session_key(request)
        return redirect(next_url or "account")
    sso_sign_out.keep(
        request,
        provider,
        account=account,
        endpoint=adapter.openid_config.get("end_session_endpoint"),
        id_token=adapter.id_token,
    )
    provider_sessions.keep(request, provider, sid=adapter.sid)
    response: HttpResponse = perform_login(request, Login(user=account, redirect_url=next_url))
    return response


def _no_answer(request: HttpRequest, provider: SsoProvider, error: Exception) -> HttpResponse:
    host = urlsplit(provider.server_url).netloc
    logger.warning("Single sign-on %s: %s", provider.id, faults.sentence(host, error))
    return refused(request, provider, NO_ANSWER, status=HTTPStatus.BAD_GATEWAY)


def refused(
    request: HttpRequest, provider: SsoProvider, reason: Reason, *, status: int = HTTPStatus.FORBIDDEN
) -> HttpResponse:
    """Page that says why nobody is signed in, and what to do."""
    single_sign_on.record_refusal(provider_id=provider.id, code=reason.code)
    return _page(request, provider, reason, status=status)


def _page(request: HttpRequest, provider: SsoProvider, reason: Reason, *, status: int) -> HttpResponse:
    context = {"provider": provider, "reason": reason}
    return render(request, "socialaccount/refused.html", context, status=status)
