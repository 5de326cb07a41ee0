"""Sign-out at the provider (OpenID Connect RP-Initiated Logout 1.0).

The local session ends first. Everything needed is stored in the session at sign-in, so that nobody waits for
the provider at sign-out.
"""

import base64
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.flows import logout as allauth_logout
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from identity_manager.account import sign_in_methods
from identity_manager.models import Account
from identity_manager.people.sign_in import identity_provider
from identity_manager.people.sign_in.sso_provider import SignOut, SsoProvider
from identity_manager.ui.http import security_headers
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown
from identity_manager.vault.wrapping import Purpose, VaultError

KEPT, LED_THERE = "sso_sign_out", "sso_signed_out"
LONGEST_TOKEN = 6_000  # octets; servers accept addresses of 8,000


_SIGNED_OUT = {
    sign_in_methods.SAML: gettext_lazy(
        "You are signed out here. At your organisation you are still signed in: sign out there, too, or "
        "close the browser."
    ),
}


class SsoSignOutMiddleware:
    """Adds the provider to the CSP's form-action, since any page of such a session may sign out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        kept = _kept(request)
        response = self.get_response(request)
        if kept:
            security_headers.let_forms_lead_to(response, [identity_provider.origin(kept["endpoint"])])
        return response


def keep(
    request: HttpRequest, provider: SsoProvider, *, account: Account, endpoint: object, id_token: str
) -> None:
    """Store the sign-out address of this session, if the provider has a usable one.

    The ID token names the person: it is stored only where the provider demands it, wrapped for the
    account.
    """
    forget(request)
    if provider.sign_out == SignOut.HERE or not identity_provider.is_secure(endpoint):
        return
    wanted = provider.sign_out == SignOut.WITH_TOKEN and len(id_token) <= LONGEST_TOKEN
    token = _wrapped(account, id_token) if wanted else ""
    request.session[KEPT] = {"provider": provider.id, "endpoint": endpoint, "token": token}


def _wrapped(account: Account, id_token: str) -> str:
    """Wrap the ID token for the session; empty if the key service is down, so that sign-in works."""
    try:
        wrapped = vault.wrap(id_token.encode("ascii"), purpose=Purpose.OTHER, record=account.pk)
    except KeyServiceDown:
        return ""
    return base64.b64encode(wrapped).decode("ascii")


def forget(request: HttpRequest) -> None:
    """Remove the sign-out data of an earlier sign-in from the session."""
    request.session.pop(KEPT, None)


def sign_out(request: HttpRequest, *, next_url: str) -> HttpResponse:
    """End the session, then redirect to the provider, or to next_url."""
    address, way = _address(request), str(request.session.get(sign_in_methods.WAY))
    allauth_logout.logout(request, show_message=False)
    if not address:
        messages.success(request, _SIGNED_OUT.get(way, _("You are signed out.")))
        return HttpResponseRedirect(next_url)  # not redirect(), which would also resolve view names
    state = secrets.token_urlsafe(16)
    request.session[LED_THERE] = {"next": next_url, "state": state}
    return redirect(f"{address}&{urlencode({'state': state})}")


@login_not_required
@never_cache
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Return address for the provider; the same answer for anybody else."""
    if request.user.is_authenticated:
        return redirect("account")
    led_there = request.session.get(LED_THERE) or {"next": reverse("account_login"), "state": ""}
    came_back = bool(led_there["state"]) and constant_time_compare(
        request.GET.get("state", ""), led_there["state"]
    )
    context = {"next_url": led_there["next"], "came_back": came_back}
    return render(request, "account/signed_out.html", context)


def _address(request: HttpRequest) -> str:
    """The provider's sign-out address for this session; empty without one."""
    kept = _kept(request)
    if not kept:
        return ""
    parameters = {
        "client_id": settings.SSO_PROVIDERS[kept["provider"]].client_id,
        "post_logout_redirect_uri": request.build_absolute_uri(reverse("signed-out")),
    }
    if token := _token(request, kept["token"]):
        parameters["id_token_hint"] = token
    endpoint = str(kept["endpoint"])
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"


def _kept(request: HttpRequest) -> dict[str, Any]:
    """The session's entry that keep() stored: provider, endpoint, ID token; empty if the provider is gone."""
    kept: dict[str, Any] = request.session.get(KEPT) or {}
    if not kept or request.session.get(sign_in_methods.WAY) != sign_in_methods.SSO:
        return {}
    return kept if kept["provider"] in settings.SSO_PROVIDERS else {}


def _token(request: HttpRequest, wrapped: str) -> str:
    """Unwrap the ID token (id_token_hint); empty if its key is destroyed or down: the provider then asks."""
    account = request.user
    if not wrapped or not isinstance(account, Account):
        return ""
    try:
        content = vault.unwrap(base64.b64decode(wrapped), purpose=Purpose.OTHER, record=account.pk)
    except (VaultError, KeyServiceDown):
        return ""
    return content.decode("ascii")
