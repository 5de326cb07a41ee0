"""First sign-in: a sign-in code from the Registration Officer is exchanged for a password."""

from http import HTTPStatus
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.core import ratelimit
from allauth.core.internal.ratelimit import get_ip
from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from identity_manager.account import redirects, sign_in_methods
from identity_manager.models import Account
from identity_manager.people.sign_in.attempts import name_digest
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.http import error_pages
from identity_manager.workflow.people import sign_in_codes

WAIT_SECONDS = 15 * 60
NO_NEW_PASSWORD = _("Enter the new password.")
NOT_TWICE = _("Enter the new password once more.")
NOT_THE_SAME = _("This is not the same password.")


class FirstSignInForm(forms.Form):
    """The personnel number, the code and the new password twice."""

    account: Account

    name = forms.CharField(
        label=_("Personnel number"),
        help_text=_("Or your user name, if you have signed in before."),
        error_messages={"required": _("Enter your personnel number.")},
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    code = forms.CharField(
        label=_("Sign-in code"),
        help_text=_("Four groups of five letters and digits. Hyphens and capitals do not matter."),
        error_messages={"required": _("Enter the code.")},
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=_("New password"),
        help_text=password_validators_help_text_html,
        error_messages={"required": NO_NEW_PASSWORD},
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("New password, once more"),
        error_messages={"required": NOT_TWICE},
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Validate the password before the code, so that its errors reveal nothing about the code."""
        typed = super().clean() or {}
        password, again = typed.get("password"), typed.get("password_again")
        if password and again and password != again:
            self.add_error("password_again", NOT_THE_SAME)
        if password:
            try:
                validate_password(password, Account(username=typed.get("name", "")))
            except ValidationError as error:
                self.add_error("password", error)
        return typed

    def redeem(self) -> bool:
        """Whether the form is valid and the code was accepted."""
        if not self.is_valid():
            return False
        typed = self.cleaned_data
        try:
            self.account = sign_in_codes.redeem(
                name=typed["name"], code=typed["code"], new_password=typed["password"]
            )
        except Refused as refusal:
            self.add_error(None, str(refusal))
            return False
        return True


def _here(request: HttpRequest) -> str:
    """Rate-limit key of name and network: wrong codes typed elsewhere do not lock the person out."""
    return f"{name_digest(request.POST.get('name', ''))}:{get_ip(request)}"


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def first_sign_in(request: HttpRequest) -> HttpResponse:
    """Redeem a code, set the password, sign in, and redirect to the requested page."""
    if not sign_in_methods.is_offered(sign_in_methods.PASSWORD):
        raise Http404
    if request.method != "POST":
        context = {"form": FirstSignInForm(), "next": request.GET.get(REDIRECT_FIELD_NAME, "")}
        return render(request, "account/first_sign_in.html", context)
    if not ratelimit.consume(request, action="first_sign_in", key=_here(request)):
        return error_pages.too_many_requests(request, wait_seconds=WAIT_SECONDS)
    form = FirstSignInForm(request.POST)
    if form.redeem():
        record_authentication(request, form.account, method="code")
        response: HttpResponse = perform_login(request, form.account, redirect_url=redirects.wanted(request))
        return response
    context = {"form": form, "next": request.POST.get(REDIRECT_FIELD_NAME, "")}
    return render(request, "account/first_sign_in.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
