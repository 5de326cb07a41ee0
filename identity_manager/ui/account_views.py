"""The sign-in pages: allauth's views, with an honest status for what was refused."""

from http import HTTPStatus
from typing import Any

from allauth.account import views
from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from identity_manager.ui import error_pages

LOCKED_OUT = "too_many_login_attempts"
LOCKOUT_SECONDS = 15 * 60


class LoginForm(views.LoginForm):  # type: ignore[misc]  # allauth has no types
    """Says what the user name is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("User name")
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class RefusesWithStatus:
    """A form that was refused is answered with 422, a lockout with 429 and without saying who it locks."""

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        request: HttpRequest = self.request  # type: ignore[attr-defined]  # the view has it
        if any(error.code == LOCKED_OUT for errors in form.errors.as_data().values() for error in errors):
            return error_pages.too_many_requests(request, wait_seconds=LOCKOUT_SECONDS)
        response: HttpResponse = super().form_invalid(form)  # type: ignore[misc]  # the view has it
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
        return response


class LoginView(RefusesWithStatus, views.LoginView):  # type: ignore[misc]  # allauth has no types
    form_class = LoginForm


@method_decorator(never_cache, name="dispatch")
class ReauthenticateView(RefusesWithStatus, views.ReauthenticateView):  # type: ignore[misc]  # allauth has no types
    pass


class ChangePasswordForm(views.ChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """The old password is checked as at sign-in: who guesses it here is locked out as well."""

    def clean_oldpassword(self) -> str:
        adapter = views.get_adapter()
        password: str = self.cleaned_data["oldpassword"]
        if not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


@method_decorator(never_cache, name="dispatch")
class PasswordChangeView(RefusesWithStatus, views.PasswordChangeView):  # type: ignore[misc]  # allauth has no types
    form_class = ChangePasswordForm
