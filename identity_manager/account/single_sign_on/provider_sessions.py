"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the provider ends sessions here."""

import datetime as dt
import logging
import time
from http import HTTPStatus
from typing import Any

import jwt
from allauth.account import app_settings
from allauth.core import ratelimit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ca_bridge.connection import faults
from identity_manager.account.single_sign_on import sso
from identity_manager.people.sign_in import accepted_messages, sessions
from identity_manager.people.sign_in.sso_provider import SsoProvider
from identity_manager.transactions.refusals import Refused

logger = logging.getLogger(__name__)
KEPT = "provider_session"  # in the session, until the sign-in is complete
EVENT = "http://schemas.openid.net/event/backchannel-logout"
# Explicit typing is recommended only (2.4); what is typed as anything else is another kind of token.
TYPES = frozenset({"logout+jwt", "application/logout+jwt", "jwt"})
LONGEST_TOKEN = 16_384
ENDED, ENDED_PERSON = "ended-session", "ended-sessions-of"
OLDEST_SECONDS = 10 * 60


def keep(request: HttpRequest, provider: SsoProvider, *, sid: str, subject: str, asked_at: float) -> None:
    """Store in our session, until the sign-in is complete, what a logout token may name.

    asked_at: when the person was sent to the provider, in seconds of our clock.
    """
    request.session[KEPT] = {"provider": provider.id, "sid": sid, "sub": subject, "asked_at": asked_at}


def record(request: HttpRequest) -> bool:
    """Insert the link between this session and the provider's, if there is one.

    False where the provider has ended its session meanwhile: during the second step here.
    """
    kept = request.session.pop(KEPT, None)
    if not kept:
        return True
    sessions.record_provider_session(
        session_key=request.session.session_key or "", provider_id=kept["provider"], sid=kept["sid"]
    )
    return not _has_ended(kept)


def _has_ended(kept: dict[str, Any]) -> bool:
    """Whether a logout token has named this session, or its person since they were sent there."""
    if kept["sid"] and accepted_messages.is_noted(ENDED, kept["provider"], kept["sid"]):
        return True
    if "asked_at" not in kept:  # begun under the release before this one
        return False
    since = dt.datetime.fromtimestamp(kept["asked_at"], tz=dt.UTC)
    return accepted_messages.is_noted(
        ENDED_PERSON, kept["provider"], kept["sub"], beyond=_longest_sign_in(since)
    )


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def back_channel_logout(request: HttpRequest, provider_id: str) -> HttpResponse:
    """End the sessions that a logout token names: 200 if done, also without any; 400 for an invalid token."""
    provider = sso.provider_or_404(provider_id)
    if not ratelimit.consume(request, action="back_channel_logout"):
        return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS)
    try:
        _end_sessions(_verified(request, provider), provider)
    except (*sso.BROKEN, Refused) as error:
        logger.warning("Back-channel logout %s: %s", provider.id, faults.sentence(provider.server_url, error))
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    return HttpResponse()


def _end_sessions(claims: dict[str, Any], provider: SsoProvider) -> None:
    """Accept the token once, and end the sessions that it names: both, or after a fault neither.

    A sign-in whose second step is not done has no session yet: what is named is noted for as long.
    """
    sid, subject = str(claims.get("sid", "")), str(claims.get("sub", ""))
    named = (ENDED, provider.id, sid) if sid else (ENDED_PERSON, provider.id, subject)
    with transaction.atomic():
        _accept_once(claims, provider)
        sessions.end_by_provider(provider_id=provider.id, subject=subject, sid=sid)
        accepted_messages.note(*named, until=_longest_sign_in(timezone.now()))


def _longest_sign_in(since: dt.datetime) -> dt.datetime:
    """Time by which a sign-in that began then is complete, at the latest: at the provider, then here."""
    return since + 2 * dt.timedelta(seconds=app_settings.LOGIN_TIMEOUT)


def _verified(request: HttpRequest, provider: SsoProvider) -> dict[str, Any]:
    """Verify the logout token (2.6); return its claims. Raises one of BROKEN, early without its keys."""
    token = request.POST.get("logout_token", "")
    if not token or len(token) > LONGEST_TOKEN:
        raise OAuth2Error("There is no logout token.")
    if str(jwt.get_unverified_header(token).get("typ", "JWT")).lower() not in TYPES:
        raise OAuth2Error("The token is of another kind.")
    _check(jwt.decode(token, options={"verify_signature": False}))
    claims = sso.OidcAdapter(request, provider.id).verified(token, noted_by_caller=True)
    _check(claims)
    return claims


def _check(claims: dict[str, Any]) -> None:
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise OAuth2Error("The token tells of no logout.")
    if "nonce" in claims:
        raise OAuth2Error("The token has a nonce, which none of this kind has.")
    names = [claims[name] for name in ("sub", "sid") if name in claims]
    if not names or not all(isinstance(each, str) and each for each in (*names, claims["jti"])):
        raise OAuth2Error("The token names neither a person nor a session, or has no id.")
    if not -sso.CLOCK_SKEW <= time.time() - float(claims["iat"]) <= OLDEST_SECONDS or "exp" not in claims:
        raise OAuth2Error("The token is old, or never expires.")


def _accept_once(claims: dict[str, Any], provider: SsoProvider) -> None:
    until = timezone.now() + dt.timedelta(seconds=OLDEST_SECONDS + 2 * sso.CLOCK_SKEW)
    accepted_messages.accept_once("logout-token", provider.id, claims["jti"], until=until)
