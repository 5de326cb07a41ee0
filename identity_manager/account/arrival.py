"""Arrival from an identity provider, for every protocol: sign-in, or re-authentication."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from identity_manager.account import sign_in, sign_in_methods
from identity_manager.models import Account
from identity_manager.people.sign_in import second_factors, single_sign_on
from identity_manager.people.sign_in.identity_provider import IdentityProvider
from identity_manager.transactions.refusals import Reason, Refused, require

logger = logging.getLogger(__name__)
NO_ANSWER = Reason(
    "sso-no-answer", _("Your organisation's sign-in cannot be reached, or its answer was not right.")
)
CANCELLED = Reason("sso-cancelled", _("The sign-in was not completed there."))
LOST = Reason("sso-lost", _("This sign-in was begun in another window or too long ago."))
SOMEBODY_ELSE = Reason("sso-somebody-else", _("You signed in there as somebody else than here."))


@dataclass(frozen=True)
class Answer:
    """Content of a provider's verified answer. authenticated_at: when the person signed in there."""

    provider: IdentityProvider
    claims: Mapping[str, Any]
    authenticated_at: float
    proves_second_factor: bool
    next_url: str | None


def provider_or_404(provider_id: str) -> IdentityProvider:
    """Raises Http404 for an unknown provider, or where no portal here accepts its protocol."""
    provider = sign_in_methods.identity_providers().get(provider_id)
    if provider is None or not sign_in_methods.is_offered(provider.way):
        raise Http404
    return provider


def arrive(request: HttpRequest, answer: Answer, *, keep: Callable[[Account], None]) -> HttpResponse:
    """Sign in, or re-authenticate the signed-in user. Raises Refused.

    keep: stores the data for sign-out in the session; not called for a re-authentication.
    """
    provider, next_url = answer.provider, answer.next_url
    proved = answer.proves_second_factor or not provider.asks_second_factor
    require(proved, else_=single_sign_on.NO_SECOND_FACTOR)
    here = request.user if isinstance(request.user, Account) else None
    if here is not None and not single_sign_on.is_of(here, provider=provider, claims=answer.claims):
        raise Refused(SOMEBODY_ELSE)
    if here is not None and second_factors.has_one(here) and not provider.asks_second_factor:
        # The provider's proof counts as the first factor; this session has both.
        return sign_in.redirect_to_confirmation(next_url or reverse("account"))
    account = here or single_sign_on.sign_in(provider=provider, claims=answer.claims)
    # When the user signed in there, not now: that may have been hours ago.
    record_authentication(
        request,
        account,
        method=sign_in_methods.SSO_METHOD,
        provider=provider.id,
        at=answer.authenticated_at,
        reauthenticated=True if here else None,
    )
    if here is not None:
        sign_in.renew_session_key(request)
        return redirect(next_url or "account")
    keep(account)
    response: HttpResponse = perform_login(request, Login(user=account, redirect_url=next_url))
    return response


def refused(
    request: HttpRequest, provider: IdentityProvider, reason: Reason, *, status: int = HTTPStatus.FORBIDDEN
) -> HttpResponse:
    """Error page: why the sign-in was refused, and what to do."""
    single_sign_on.record_refusal(provider=provider, code=reason.code)
    return page(request, provider, reason, status=status)


def page(request: HttpRequest, provider: IdentityProvider, reason: Reason, *, status: int) -> HttpResponse:
    context = {"provider": provider, "reason": reason}
    return render(request, "socialaccount/refused.html", context, status=status)
