"""Views to set up, remove and replace second factors, each after a re-authentication."""

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.account import rate_limit
from identity_manager.account.account_page import page, status_of
from identity_manager.account.second_factor import qr_code
from identity_manager.account.second_factor.second_factor_forms import AppForm, is_first_use
from identity_manager.account.sign_in import (
    SECOND_FACTOR,
    account_of,
    fresh_second_factor_first,
    fresh_second_factor_required,
    lacks_second_factor,
    renew_session_key,
)
from identity_manager.models import Account
from identity_manager.people.sign_in import second_factors
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.http import error_pages

Kind = Authenticator.Type
secret_page = cache_control(no_store=True, private=True)


@require_safe
def needed(request: HttpRequest) -> HttpResponse:
    """Page for officers who must set up a second factor first."""
    if not lacks_second_factor(request):
        return redirect("account")
    return render(request, "mfa/needed.html")


@require_http_methods(["GET", "HEAD", "POST"])
@secret_page
@sensitive_post_parameters()
@fresh_second_factor_first
def set_up_app(request: HttpRequest) -> HttpResponse:
    """Show the QR code of a new authenticator app; a valid code of the app adds it."""
    account = account_of(request)
    if second_factors.of(account, Kind.TOTP).exists():
        return redirect("account")
    form = AppForm(request.POST if request.method == "POST" else None, account=account)
    if form.is_valid() and _app_added(account, form):
        return added(request, account, Kind.TOTP)
    wait = rate_limit.wait_of_form(form)
    if wait:
        return error_pages.too_many_requests(request, wait_seconds=wait)
    return _app_page(request, account, form)


def _app_added(account: Account, form: AppForm) -> bool:
    try:
        row = second_factors.add_app(actor=account.person, secret=form.secret)
        is_first_use(row, form.cleaned_data["code"])  # used: this code must not sign in as well
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    return True


def added(request: HttpRequest, account: Account, kind: str) -> HttpResponse:
    """Redirect after a factor was added: to recovery codes after the first one, which counts as just used."""
    record_authentication(request, account, SECOND_FACTOR, type=kind, reauthenticated=True)
    renew_session_key(request)
    if second_factors.unused_recovery_codes(account) is None:
        messages.success(request, _("Your second factor is set up. Now make recovery codes."))
        return redirect("recovery-codes")
    messages.success(request, _("Your second factor is set up."))
    return redirect("account")


def _app_page(request: HttpRequest, account: Account, form: AppForm) -> HttpResponse:
    address = get_adapter().build_totp_url(account, form.secret)
    groups = [form.secret[start : start + 4] for start in range(0, len(form.secret), 4)]
    context = {"form": form, "qr": qr_code.of(address), "secret": " ".join(groups), "address": address}
    return page(request, "mfa/app.html", context, status=status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_second_factor_required
def remove(request: HttpRequest, row_id: int) -> HttpResponse:
    """Confirmation page for the removal of a factor; its POST removes it."""
    account = account_of(request)
    row = own_factor(account, row_id)
    if request.method == "POST":
        try:
            second_factors.remove(actor=account.person, row_id=row_id)
            messages.success(request, _("Removed. It confirms no sign-in any more."))
        except Refused as refusal:
            messages.error(request, str(refusal))
        return redirect("account")
    is_last = second_factors.of(account, *second_factors.FACTORS).count() == 1
    name = row.wrap().name if row.type == Kind.WEBAUTHN else ""
    return page(request, "mfa/remove.html", {"row": row, "name": name, "is_last": is_last})


@require_http_methods(["GET", "HEAD", "POST"])
@secret_page
@fresh_second_factor_required
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Number of unused recovery codes; a POST makes new ones and shows them once."""
    account = account_of(request)
    if request.method != "POST":
        return _codes_page(request, account)
    try:
        codes = second_factors.make_recovery_codes(actor=account.person)
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("account")
    return page(request, "mfa/recovery_codes_shown.html", {"codes": [shown(code) for code in codes]})


def _codes_page(request: HttpRequest, account: Account) -> HttpResponse:
    context = {
        "left": second_factors.unused_recovery_codes(account),
        "has_second_factor": second_factors.has_one(account),
    }
    return page(request, "mfa/recovery_codes.html", context)


@require_POST
@secret_page
def recovery_codes_file(request: HttpRequest) -> HttpResponse:
    """Download of the codes as a file. The page sends them; they are compared with the stored ones."""
    account = account_of(request)
    posted = request.POST.getlist("code")
    if not second_factors.are_recovery_codes(account, posted):
        messages.error(request, str(second_factors.CODES_REPLACED))
        return redirect("recovery-codes")
    lines = [_("Recovery codes for %(name)s") % {"name": account.get_username()}, "", *map(shown, posted)]
    return HttpResponse(
        "\r\n".join([*lines, ""]),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="recovery-codes.txt"'},
    )


def own_factor(account: Account, row_id: int) -> Authenticator:
    """The account's app or passkey. Raises Http404."""
    row = second_factors.of(account, *second_factors.FACTORS).filter(pk=row_id).first()
    if row is None:
        raise Http404
    return row


def shown(code: str) -> str:
    """Format a code as two groups of five, easier to write down; the hyphen is optional when typed."""
    digits = code.replace("-", "")
    return f"{digits[:5]}-{digits[5:]}"
