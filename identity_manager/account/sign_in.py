"""Recent sign-in: what shows a secret wants to know that it is still the person who sits there."""

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
    """Whether this session proved who sits there within the last RECENT_SIGN_IN_SECONDS.

    A sign-in counts and so does a confirmation of the password; the time is that of this session,
    not that of the account's last sign-in elsewhere. A client certificate does not count: it is what a stolen
    software token has, and would renew or replace itself.
    """
    return _proved_recently(request, second_factor=False)


def showed_second_factor_recently(request: HttpRequest) -> bool:
    """The same for the second factor; for an account that has none, a recent sign-in counts."""
    account = request.user
    needs_one = isinstance(account, Account) and second_factors.has_one(account)
    return _proved_recently(request, second_factor=needs_one)


def showed_more_than_a_certificate(request: HttpRequest) -> bool:
    """Whether something beside a client certificate proves who sits there, now or earlier in this session."""
    if request.session.get(sign_in_methods.WAY) != CERTIFICATE:
        return True
    records = get_authentication_records(request, request.user)
    return any(record["method"] != CERTIFICATE for record in records)


def signed_in_at(request: HttpRequest) -> datetime:
    """When this session's sign-in began; a confirmation of the password later does not move it.

    Without a proof in the session it is the beginning of time, so that whatever happened counts as since.
    """
    if not request.user.is_authenticated:
        return BEGINNING
    proofs = [record["at"] for record in get_authentication_records(request, request.user)]
    return datetime.fromtimestamp(min(proofs), tz=UTC) if proofs else BEGINNING


def second_factor_shown(request: HttpRequest) -> int | None:
    """The row of the second factor that this session showed last, if that is recent; None without any.

    Setting one up counts as showing it to a page, but names no row: what opens keys is shown at a sign-in.
    """
    if not showed_second_factor_recently(request) or not request.user.is_authenticated:
        return None
    records = get_authentication_records(request, request.user)
    shown = [record for record in records if record["method"] == SECOND_FACTOR]
    last = max(shown, key=lambda record: float(record["at"]), default=None)
    return last.get("id") if last else None


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether an officer is here who must have a second factor and has none."""
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
    """Let a POST through only after a recent sign-in; else the password is asked for first.

    Afterwards the person is back on the page with the button (a GET of the same address): what was
    posted is never kept and never posted again by itself, as allauth's own decorator would.
    """
    return _guarded(view, signed_in_recently)


def fresh_second_factor_required(view: View[Arguments]) -> View[Arguments]:
    """Let a POST through only after a recent second factor; else it is asked for first, as above.

    Who has no second factor confirms the sign-in instead.
    """
    return _guarded(view, showed_second_factor_recently)


def not_by_certificate_alone(view: View[Arguments]) -> View[Arguments]:
    """Let a POST through in sessions that showed more than a client certificate, however long ago."""
    return _guarded(view, showed_more_than_a_certificate)


def fresh_second_factor_first(view: View[Arguments]) -> View[Arguments]:
    """The same for the page itself: one that shows how to set a second factor up, say."""
    return _guarded(view, showed_second_factor_recently, reading=True)


def account_of(request: HttpRequest) -> Account:
    """The account that is signed in. Raises PermissionDenied."""
    account = request.user
    if not isinstance(account, Account):
        raise PermissionDenied
    return account


def renew_session_key(request: HttpRequest) -> None:
    """After each proof of who sits there: a key that somebody saw before opens nothing of what follows."""
    old = request.session.session_key or ""
    with transaction.atomic():
        request.session.cycle_key()
        sessions.record_new_key(old=old, new=request.session.session_key or "")


def redirect_to_confirmation(back: str) -> HttpResponse:
    """Ask who sits there, then lead back."""
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
