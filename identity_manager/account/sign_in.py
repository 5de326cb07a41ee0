"""Recent sign-in: re-authentication before a secret is shown or another sensitive act is done."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from identity_manager.account import sign_in_methods
from identity_manager.models import OFFICER_ROLES, Account
from identity_manager.people.sign_in import second_factors, sessions

Arguments = ParamSpec("Arguments")
BEGINNING = datetime.fromtimestamp(0, tz=UTC)
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]
SECOND_FACTOR = "mfa"  # as allauth records it
CERTIFICATE = sign_in_methods.CERTIFICATE


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether this session authenticated its user within the last RECENT_SIGN_IN_SECONDS.

    A sign-in and a re-authentication count, of this session only. A client certificate does not count: a
    stolen software token has one, and could renew or replace itself.
    """
    return _proved_recently(request, second_factor=False)


def showed_second_factor_recently(request: HttpRequest) -> bool:
    """As signed_in_recently, for the second factor; for an account without one a recent sign-in counts."""
    account = request.user
    needs_one = isinstance(account, Account) and second_factors.has_one(account)
    return _proved_recently(request, second_factor=needs_one)


def showed_more_than_a_certificate(request: HttpRequest) -> bool:
    """Whether this session ever authenticated by something else than a client certificate."""
    if request.session.get(sign_in_methods.WAY) != CERTIFICATE:
        return True
    records = get_authentication_records(request, request.user)
    return any(record["method"] != CERTIFICATE for record in records)


def signed_in_at(request: HttpRequest) -> datetime:
    """Time of this session's sign-in; a later re-authentication does not change it.

    Without an authentication record it is the minimum datetime, so that everything counts as later.
    """
    if not request.user.is_authenticated:
        return BEGINNING
    proofs = [record["at"] for record in get_authentication_records(request, request.user)]
    return datetime.fromtimestamp(min(proofs), tz=UTC) if proofs else BEGINNING


def second_factor_shown(request: HttpRequest) -> int | None:
    """The row of the second factor last used in this session, if that is recent; None without any.

    Setting one up counts for pages, but names no row: key recovery needs a factor used at a sign-in.
    """
    if not showed_second_factor_recently(request) or not request.user.is_authenticated:
        return None
    records = get_authentication_records(request, request.user)
    shown = [record for record in records if record["method"] == SECOND_FACTOR]
    last = max(shown, key=lambda record: float(record["at"]), default=None)
    return last.get("id") if last else None


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the user is an officer who must have a second factor and has none."""
    account = request.user
    if not isinstance(account, Account):
        return False
    if not settings.OFFICERS_NEED_SECOND_FACTOR and not account.is_break_glass:
        return False
    holds_office = any(held.role in OFFICER_ROLES for held in account.person.roles_in_force())
    return holds_office and not _second_factor_is_met(request, account)


def _second_factor_is_met(request: HttpRequest, account: Account) -> bool:
    records = get_authentication_records(request, account)
    return sign_in_methods.asks_second_factor(records) or second_factors.has_one(account)


def recent_sign_in_required(view: View[Arguments]) -> View[Arguments]:
    """Decorator: a POST needs a recent sign-in; else re-authenticate first.

    Then the person is back on the page with the button (a GET of the same address). POST data are not stored
    and not sent again, as allauth's own decorator would.
    """
    return _guarded(view, signed_in_recently)


def fresh_second_factor_required(view: View[Arguments]) -> View[Arguments]:
    """Decorator: a POST needs a recent second factor; else re-authenticate first, as above.

    Accounts without a second factor re-authenticate by their sign-in.
    """
    return _guarded(view, showed_second_factor_recently)


def not_by_certificate_alone(view: View[Arguments]) -> View[Arguments]:
    """Decorator: a POST needs a session that ever authenticated by more than a client certificate."""
    return _guarded(view, showed_more_than_a_certificate)


def fresh_second_factor_first(view: View[Arguments]) -> View[Arguments]:
    """Decorator: as fresh_second_factor_required, for every method, as for pages of a factor's set-up."""
    return _guarded(view, showed_second_factor_recently, reading=True)


def account_of(request: HttpRequest) -> Account:
    """Return the signed-in account. Raises PermissionDenied."""
    account = request.user
    if not isinstance(account, Account):
        raise PermissionDenied
    return account


def renew_session_key(request: HttpRequest) -> None:
    """Renew the session key after each authentication, against session fixation."""
    old = request.session.session_key or ""
    with transaction.atomic():
        request.session.cycle_key()
        sessions.record_new_key(old=old, new=request.session.session_key or "")


def redirect_to_confirmation(back: str) -> HttpResponse:
    """Redirect to re-authentication, and from there back to this page."""
    return redirect(f"{reverse('account_reauthenticate')}?{urlencode({REDIRECT_FIELD_NAME: back})}")


def _proved_recently(request: HttpRequest, *, second_factor: bool) -> bool:
    if not request.user.is_authenticated:
        return False
    proofs = [
        record["at"]
        for record in get_authentication_records(request, request.user)
        if record["method"] == SECOND_FACTOR or not (second_factor or record["method"] == CERTIFICATE)
    ]
    return bool(proofs) and 0 <= time.time() - max(proofs) < settings.RECENT_SIGN_IN_SECONDS


def _guarded(
    view: View[Arguments], proved: Callable[[HttpRequest], bool], *, reading: bool = False
) -> View[Arguments]:
    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponseBase:
        if (request.method != "POST" and not reading) or proved(request):
            return view(request, *args, **kwargs)
        return redirect_to_confirmation(request.path)

    return guarded
