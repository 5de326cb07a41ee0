"""Recent sign-in: what shows a secret wants to know that it is still the person who sits there."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether this session proved who sits there within the last RECENT_SIGN_IN_SECONDS.

    A sign-in counts and so does a confirmation of the password; the time is that of this session,
    not that of the account's last sign-in elsewhere.
    """
    if not request.user.is_authenticated:
        return False
    proofs = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(proofs) and 0 <= time.time() - max(proofs) < settings.RECENT_SIGN_IN_SECONDS


def recent_sign_in_required(view: View[Arguments]) -> View[Arguments]:
    """Let a POST through only after a recent sign-in; else the password is asked for first.

    Afterwards the person is back on the page with the button (a GET of the same address): what was
    posted is never kept and never posted again by itself, as allauth's own decorator would.
    """

    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponseBase:
        if request.method != "POST" or signed_in_recently(request):
            return view(request, *args, **kwargs)
        back = urlencode({REDIRECT_FIELD_NAME: request.path})
        return redirect(f"{reverse('account_reauthenticate')}?{back}")

    return guarded
