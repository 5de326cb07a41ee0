"""Passkey views: add, rename, sign in without a password."""

from http import HTTPStatus

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.core import ratelimit
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.account import redirects, sign_in_methods, user_agents
from identity_manager.account import views as account_views
from identity_manager.account.account_page import page, status_of
from identity_manager.account.second_factor import passkeys
from identity_manager.account.second_factor.passkeys import NotProved
from identity_manager.account.second_factor.second_factor_forms import NewPasskeyForm, PasskeyNameForm
from identity_manager.account.second_factor.second_factor_views import added, own_factor
from identity_manager.account.sign_in import (
    account_of,
    fresh_second_factor_first,
    fresh_second_factor_required,
)
from identity_manager.people.sign_in import attempts, second_factors
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.http import error_pages

Kind = Authenticator.Type


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@fresh_second_factor_first
def add(request: HttpRequest) -> HttpResponse:
    """Register a passkey created by the browser, under a name."""
    account = account_of(request)
    if request.method == "POST":
        form = NewPasskeyForm(request.POST, account=account)
        if form.is_valid() and _kept(request, form):
            return added(request, account, Kind.WEBAUTHN)
    else:
        device, _icon = user_agents.named(request.headers.get("User-Agent", ""))
        form = NewPasskeyForm(initial={"name": device}, account=account)
    context = {"form": form, "options": passkeys.registration_options(account)}
    return page(request, "mfa/passkey.html", context, status=status_of(form))


def _kept(request: HttpRequest, form: NewPasskeyForm) -> bool:
    credential, credential_id = form.registered
    try:
        second_factors.add_passkey(
            actor=account_of(request).person,
            name=form.cleaned_data["name"],
            credential=credential,
            credential_id=credential_id,
        )
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_second_factor_required
def rename(request: HttpRequest, row_id: int) -> HttpResponse:
    """Rename a passkey."""
    account = account_of(request)
    row = own_factor(account, row_id)
    if row.type != Kind.WEBAUTHN:
        raise Http404
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, initial=row.data)
    if form.is_valid():
        second_factors.rename_passkey(actor=account.person, row_id=row_id, name=form.cleaned_data["name"])
        messages.success(request, _("Renamed."))
        return redirect("account")
    return page(request, "mfa/passkey_name.html", {"form": form, "row": row}, status=status_of(form))


@login_not_required
@never_cache
@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """JSON request options for the script of the sign-in page."""
    _must_be_offered()
    if not ratelimit.consume(request, action="login"):
        return error_pages.too_many_requests(request)
    return JsonResponse(passkeys.sign_in_options())


@login_not_required
@never_cache
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey alone: possession, with user verification by PIN or biometrics."""
    _must_be_offered()
    if request.user.is_authenticated:
        return redirect("account")
    if not ratelimit.consume(request, action="login"):
        return error_pages.too_many_requests(request)
    try:
        row = passkeys.signed_in_alone(request.POST.get("credential", ""))
    except NotProved:
        attempts.record_failure(typed_name="", method="passkey")
        return _refused(request)
    if not attempts.may_sign_in(row.user):
        attempts.record_failure(typed_name=row.user.get_username(), method="passkey")
        return _refused(request)
    post_authentication(request, row, passwordless=True)
    response: HttpResponse = perform_login(
        request, Login(user=row.user, redirect_url=redirects.wanted(request))
    )
    return response


def _must_be_offered() -> None:
    if not sign_in_methods.is_offered(sign_in_methods.PASSKEY):
        raise Http404


def _refused(request: HttpRequest) -> HttpResponse:
    """The same answer for every failure."""
    form = account_views.LoginForm(request=request)
    context = {"form": form, "passkey_refused": True, **account_views.ways_offered()}
    return render(request, "account/login.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
