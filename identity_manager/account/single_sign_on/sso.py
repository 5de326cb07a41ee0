"""OpenID Connect checks that allauth lacks: nonce, ID token signature, auth_time.

allauth implements the code flow with state and PKCE (S256).
"""

import secrets
import time
from functools import partial
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from ca_bridge import outgoing
from identity_manager.account import sign_in_methods
from identity_manager.people.sign_in.sso_provider import SsoProvider

# Asymmetric algorithms only: an HMAC under our client secret would prove nothing.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
FRESH_SECONDS = 5 * 60  # not 0, with which some providers loop
CLOCK_SKEW = 60
# Exceptions caused by a provider that is down, misconfigured or hostile; OSError includes those of requests.
# Overflow: moments beyond the calendar. Recursion: JSON within JSON.
BROKEN = (
    *(OAuth2Error, OSError, jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError),
    *(OverflowError, RecursionError),
)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Providers come from the settings only, none from the database."""

    def list_apps(
        self,
        request: HttpRequest,  # noqa: ARG002 allauth's signature
        provider: str | None = None,
        client_id: str | None = None,  # noqa: ARG002 allauth's signature
    ) -> list[SocialApp]:
        known: dict[str, SsoProvider] = settings.SSO_PROVIDERS
        return [_app(each) for each in known.values() if provider in (None, each.id, "openid_connect")]

    def get_requests_session(self) -> requests.Session:
        """HTTP session for all calls to a provider: discovery, keys, tokens, claims. Raises OSError."""
        session = outgoing.session()
        session.request = partial(session.request, timeout=settings.SOCIALACCOUNT_REQUESTS_TIMEOUT)  # type: ignore[method-assign]  # as allauth does
        return session

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002 allauth's
        return False


class OidcAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """Verifies a provider's responses."""

    id_token = ""  # raw ID token, set after claims_of has verified it
    sid = ""  # the provider's session, as the ID token names it
    subject = ""  # the person, as the provider names them
    proves_second_factor = False

    def claims_of(self, tokens: dict[str, Any], *, state: dict[str, Any]) -> dict[str, Any]:
        """The verified claims. Raises one of BROKEN."""
        provider: SsoProvider = settings.SSO_PROVIDERS[self.provider_id]
        config = self.openid_config
        claims = self.verified(tokens["id_token"])
        _check(claims, provider=provider, state=state)
        self.id_token, self.sid = str(tokens["id_token"]), str(claims.get("sid") or "")
        self.subject = str(claims["sub"])
        self.proves_second_factor = proves_second_factor(claims, provider)
        if "userinfo_endpoint" not in config:
            return claims
        more = self._fetch_user_info(tokens["access_token"])
        if more["sub"] != claims["sub"]:
            raise OAuth2Error("The two answers are about different people.")
        return {**more, **claims}

    def verified(self, token: str, *, noted_by_caller: bool = False) -> dict[str, Any]:
        """Verify a token that the provider signed for us; return its claims. Raises one of BROKEN.

        A token is verified once, unless the caller notes in its own transaction that it has acted on it.
        """
        provider: SsoProvider = settings.SSO_PROVIDERS[self.provider_id]
        config = self.openid_config
        if config["issuer"].rstrip("/") != provider.server_url:
            raise OAuth2Error("The provider names another issuer.")
        if jwt.get_unverified_header(token)["alg"] not in ALGORITHMS:
            raise OAuth2Error("The token is not signed by an asymmetric algorithm.")
        if noted_by_caller:
            algorithm, key = jwtkit.fetch_key(token, config["jwks_uri"], jwtkit.lookup_kid_jwk)
            return jwt.decode(
                token, key, algorithms=[algorithm], issuer=config["issuer"], audience=provider.client_id
            )
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=token,
            keys_url=config["jwks_uri"],
            issuer=config["issuer"],
            audience=provider.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        return claims


def provider_or_404(provider_id: str) -> SsoProvider:
    """Raises Http404 for an unknown provider, or where no portal here accepts single sign-on."""
    provider: SsoProvider | None = settings.SSO_PROVIDERS.get(provider_id)
    if provider is None or not sign_in_methods.is_offered(sign_in_methods.SSO):
        raise Http404
    return provider


def begin(request: HttpRequest, provider_id: str, *, next_url: str | None, fresh: bool) -> HttpResponse:
    """Redirect to the provider; fresh: it must re-authenticate the user. Raises one of BROKEN."""
    nonce = secrets.token_urlsafe(24)
    # max_age makes auth_time mandatory (OpenID Connect Core 2).
    asked = {"nonce": nonce, "max_age": str(FRESH_SECONDS if fresh else settings.SESSION_COOKIE_AGE)}
    if fresh:
        asked["prompt"] = "login"
    known: SsoProvider = settings.SSO_PROVIDERS[provider_id]
    if known.asks_second_factor and known.acr_values:
        asked["acr_values"] = " ".join(known.acr_values)
    provider = OidcAdapter(request, provider_id).get_provider()
    response: HttpResponse = provider.redirect(
        request, "login", next_url, auth_params=asked, nonce=nonce, fresh=fresh, asked_at=time.time()
    )
    return response


def _check(claims: dict[str, Any], *, provider: SsoProvider, state: dict[str, Any]) -> None:
    if not constant_time_compare(str(claims.get("nonce", "")), state["nonce"]):
        raise OAuth2Error("The answer belongs to another question.")
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise OAuth2Error("The token was issued to another program.")
    if not state["fresh"]:
        return
    proved = float(claims["auth_time"])
    if not state["asked_at"] - CLOCK_SKEW <= proved <= time.time() + CLOCK_SKEW:
        raise OAuth2Error("The provider did not ask who sits there.")


def proves_second_factor(claims: dict[str, Any], provider: SsoProvider) -> bool:
    """Whether acr or amr of the ID token proves a second factor (OpenID Connect Core 2)."""
    methods = claims.get("amr")
    used = {each for each in methods if isinstance(each, str)} if isinstance(methods, list) else set()
    return claims.get("acr") in provider.acr_values or bool(used & set(provider.amr_values))


def _app(provider: SsoProvider) -> SocialApp:
    """allauth's SocialApp, never saved."""
    return SocialApp(
        provider="openid_connect",
        provider_id=provider.id,
        name=provider.name,
        client_id=provider.client_id,
        secret=provider.secret,
        settings={
            "server_url": provider.server_url,
            "oauth_pkce_enabled": True,
            "scope": list(provider.scopes),
            "token_auth_method": provider.token_auth_method or None,
        },
    )
