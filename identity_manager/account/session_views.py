"""Views to end sessions: one of them, or all."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from identity_manager.account.sign_in import account_of
from identity_manager.account.single_sign_on import sso_sign_out
from identity_manager.people.sign_in import sessions
from identity_manager.transactions.refusals import Refused


@require_POST
def end(request: HttpRequest, row_id: int) -> HttpResponse:
    """End one session of the account, also the present one; 404 for another account's."""
    try:
        key = sessions.end_one(actor=account_of(request).person, row_id=row_id)
    except UserSession.DoesNotExist as missing:
        raise Http404 from missing
    except Refused as refusal:
        messages.info(request, str(refusal))
        return redirect("account")
    if key == request.session.session_key:
        return _signed_out(request)
    messages.success(request, _("Signed out there."))
    return redirect("account")


@require_POST
def end_all(request: HttpRequest) -> HttpResponse:
    """End all sessions of the account, also the present one."""
    sessions.end_all(actor=account_of(request).person)
    return _signed_out(request)


def _signed_out(request: HttpRequest) -> HttpResponse:
    return sso_sign_out.sign_out(request, next_url=reverse("account_login"))
