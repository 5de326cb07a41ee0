"""Sign-in views: allauth's, with honest HTTP status codes for refused forms."""

from http import HTTPStatus
from typing import Any

from allauth.account import views
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.base.views import AuthenticateView
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from identity_manager.account import middleware, rate_limit, redirects, sign_in_methods
from identity_manager.account.first_sign_in import NO_NEW_PASSWORD, NOT_THE_SAME, NOT_TWICE
from identity_manager.account.second_factor import passkeys, second_factor_step
from identity_manager.account.second_factor.passkeys import ChallengePurpose
from identity_manager.account.second_factor.second_factor_forms import (
    CodeForm,
    ConfirmationPasskeyForm,
    PasskeyForm,
    ProofForm,
    SecondStepPasskeyForm,
)
from identity_manager.account.sign_in import account_of, renew_session_key
from identity_manager.account.single_sign_on import sso_sign_out
from identity_manager.models import Account
from identity_manager.people.sign_in import attempts, second_factors, single_sign_on
from identity_manager.people.sign_in.identity_provider import IdentityProvider
from identity_manager.ui.http import error_pages, security_headers

NO_PASSWORD = _("Enter your password.")
PASSWORD_WORDS = {
    "oldpassword": (_("Current password"), _("Enter your current password.")),
    "password1": (_("New password"), NO_NEW_PASSWORD),
    "password2": (_("New password, once more"), NOT_TWICE),
}
NO_PASSWORDS = _("Passwords do not sign in here: your organisation's own sign-in does.")


class LoginForm(views.LoginForm):  # type: ignore[misc]  # allauth has no types
    """allauth's form, with a help text about the user name."""

    user_name_help: str | Promise = _("For most people it is the personnel number.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("User name")
        self.fields["login"].help_text = self.user_name_help
        self.fields["login"].error_messages["required"] = _("Enter your user name.")
        self.fields["password"].error_messages["required"] = NO_PASSWORD
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class LogoutView(views.LogoutView):  # type: ignore[misc]  # allauth has no types
    """Confirmation page, then sign-out here and at the session's provider."""

    def post(self, *_args: Any, **_kwargs: Any) -> HttpResponse:
        wanted = redirects.wanted(self.request) or reverse("account_login")
        return sso_sign_out.sign_out(self.request, next_url=wanted)


class RefusesWithStatus:
    """Invalid forms are answered with 422, rate-limited ones with 429, without naming the account."""

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        request: HttpRequest = self.request  # type: ignore[attr-defined]  # the view has it
        wait = rate_limit.wait_of_form(form)
        if wait:
            return error_pages.too_many_requests(request, wait_seconds=wait)
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]  # the view has it
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
        return response


@method_decorator(login_not_required, name="dispatch")
class LoginView(RefusesWithStatus, views.LoginView):  # type: ignore[misc]  # allauth has no types
    form_class = LoginForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return leading_to_providers(response)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Sign in by password; where passwords are not offered, they are not even checked."""
        if not sign_in_methods.is_offered(sign_in_methods.PASSWORD):
            raise PermissionDenied(NO_PASSWORDS)
        response: HttpResponseBase = super().post(request, *args, **kwargs)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asks = self.request.method == "GET"  # the message about an ended session is not shown again
        ended = self.request.GET.get(middleware.ENDED) if asks else None
        return {**super().get_context_data(**kwargs), **ways_offered(), "ended": ended}


class BreakGlassForm(LoginForm):
    """For emergency accounts only; others get the answer of a wrong password."""

    user_name_help = ""

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean()
        if self.user is not None and not self.user.is_break_glass:
            attempts.record_failure(typed_name=self.user.get_username(), method="break-glass")
            raise views.get_adapter().validation_error("username_password_mismatch")
        return typed


class BreakGlassView(RefusesWithStatus, views.LoginView):  # type: ignore[misc]  # allauth has no types
    """Sign-in of an emergency account without single sign-on, by password and second factor."""

    form_class = BreakGlassForm
    template_name = "account/break_glass.html"

    def form_valid(self, form: BreakGlassForm) -> HttpResponse:
        self.request.session[sign_in_methods.BREAK_GLASS] = "begun"
        response: HttpResponse = super().form_valid(form)
        return response


def ways_offered() -> dict[str, Any]:
    """Sign-in methods that the page offers."""
    offered = sign_in_methods.offered()
    return {
        "password_offered": sign_in_methods.PASSWORD in offered,
        "passkey_offered": sign_in_methods.PASSKEY in offered,
        "sso_providers": sign_in_methods.offered_providers(),
        "certificate_offered": sign_in_methods.CERTIFICATE in offered,
    }


def leading_to_providers(response: HttpResponseBase) -> HttpResponseBase:
    """Allow the page's forms to submit to the providers (CSP form-action)."""
    providers = sign_in_methods.identity_providers().values()
    certificates = [settings.CERTIFICATE_BASE_URL] if settings.CERTIFICATE_BASE_URL else []
    origins = sorted({*certificates, *(each.authorization_origin for each in providers)})
    if origins:
        security_headers.let_forms_lead_to(response, origins)
    return response


class ReauthenticateForm(views.ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """Asks for the password in the words of the sign-in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].error_messages["required"] = NO_PASSWORD


@method_decorator(login_not_required, name="dispatch")
class SecondStepView(RefusesWithStatus, AuthenticateView):  # type: ignore[misc]  # allauth has no types
    """Second step of sign-in: app code, recovery code, or passkey."""

    template_name = "mfa/authenticate.html"
    form_class = CodeForm
    webauthn_form_class = SecondStepPasskeyForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Abort the sign-in if its first step is outdated: the sign-in page would redirect here in a loop."""
        stage = second_factor_step.pending(request)
        if stage is not None and stage.is_overtaken():
            begins_anew: HttpResponse = stage.abort()
            return begins_anew
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def form_valid(self, form: ProofForm) -> HttpResponse:
        with transaction.atomic():
            post_authentication(self.request, form.authenticator)
            second_factors.record_use(account=form.user, row=form.authenticator)
            response: HttpResponse = self.stage.exit()
            return response

    def get_context_data(self, **_kwargs: Any) -> dict[str, Any]:
        return {
            "form": self.auth_form,
            "passkey_form": self.webauthn_form,
            "next": self.stage.login.redirect_url,
            "password_offered": sign_in_methods.is_offered(sign_in_methods.PASSWORD),
            **offered_passkey(self.stage.login.user, ChallengePurpose.SECOND_STEP),
        }


@method_decorator(never_cache, name="dispatch")
class ReauthenticateView(RefusesWithStatus, views.BaseReauthenticateView):  # type: ignore[misc]  # allauth has no types
    """Re-authentication by the second factor if there is one, else by the password."""

    template_name = "account/reauthenticate.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return leading_to_providers(response)

    def get_form_class(self) -> type[forms.Form]:
        if not second_factors.has_one(self.request.user):
            return ReauthenticateForm
        return ConfirmationPasskeyForm if "credential" in self.request.POST else CodeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.request.user}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        if isinstance(form, ProofForm):
            with transaction.atomic():
                post_authentication(self.request, form.authenticator, reauthenticated=True)
                second_factors.record_use(account=form.user, row=form.authenticator)
        else:
            reauthenticate_by_password(self.request)
        renew_session_key(self.request)
        response: HttpResponse = super().form_valid(form)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        form = context["form"]
        if isinstance(form, PasskeyForm):
            context |= {"passkey_form": form, "form": CodeForm(user=self.request.user)}
        by_second_factor = isinstance(form, ProofForm)
        offered = (
            offered_passkey(account_of(self.request), ChallengePurpose.CONFIRMATION)
            if by_second_factor
            else {}
        )
        providers = [] if by_second_factor else _providers_of(self.request)
        return {**context, "by_second_factor": by_second_factor, "sso_providers": providers, **offered}


def _providers_of(request: HttpRequest) -> list[IdentityProvider]:
    """Providers by which the account re-authenticates: it is linked, or has no password."""
    account = account_of(request)
    way = request.session.get(sign_in_methods.WAY)
    came_from_there = way in (sign_in_methods.SSO, sign_in_methods.SAML)
    if account.has_usable_password() and not came_from_there:
        return []
    linked = single_sign_on.links_of(account)
    return [provider for provider in sign_in_methods.offered_providers() if provider.id in linked]


def offered_passkey(account: Account, purpose: ChallengePurpose) -> dict[str, Any]:
    """WebAuthn request options for the account's passkeys; empty without any."""
    return {"options": passkeys.options_of(account, purpose)} if passkeys.has_one(account) else {}


class ChangePasswordForm(views.ChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """Rate-limits the old password like a sign-in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (label, missing) in PASSWORD_WORDS.items():
            self.fields[name].label = label
            self.fields[name].error_messages["required"] = missing
            self.fields[name].widget.attrs.pop("placeholder", None)

    def clean(self) -> dict[str, Any]:
        """Validate the new password with the messages of the first sign-in, instead of allauth's."""
        typed: dict[str, Any] = self.cleaned_data
        first, again = typed.get("password1"), typed.get("password2")
        if first and again and first != again:
            self.add_error("password2", NOT_THE_SAME)
        return typed

    def clean_oldpassword(self) -> str:
        adapter = views.get_adapter()
        password: str = self.cleaned_data["oldpassword"]
        if not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


@method_decorator(never_cache, name="dispatch")
class PasswordChangeView(RefusesWithStatus, views.PasswordChangeView):  # type: ignore[misc]  # allauth has no types
    form_class = ChangePasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect accounts without a password, which have none to change."""
        if not account_of(request).has_usable_password():
            return redirect("account")
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response
