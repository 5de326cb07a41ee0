"""How sign-in behaves: no sign-up, one answer for every failure, and each outcome audited."""

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from allauth.account.authentication import get_authentication_records
from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from identity_manager.models import OFFICER_ROLES, Account, Person
from identity_manager.people import signing_in

NOT_ACCEPTED = _("The user name and the password do not fit together, or nobody can sign in with them now.")


class AuthenticationBackend(AllauthBackend):  # type: ignore[misc]  # allauth has no types
    """Accounts of Active persons only. Asked at each request, so a session ends with the person's leave."""

    def user_can_authenticate(self, user: AbstractBaseUser | None) -> bool:
        return isinstance(user, Account) and signing_in.may_sign_in(user)

    def get_user(self, user_id: Any) -> Account | None:
        account = Account.objects.select_related("person").filter(pk=user_id).first()
        return account if self.user_can_authenticate(account) else None


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth, with what this product decides."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": NOT_ACCEPTED,
        "incorrect_password": _("This is not your password."),
        "enter_current_password": _("This is not your current password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 allauth's signature
        return False

    def is_ajax(self, request: HttpRequest) -> bool:  # noqa: ARG002 allauth's signature
        """Pages only: allauth's JSON answer would repeat the typed password."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """The account, or None for whatever reason: whether it exists, is closed or its person is not Active.

        allauth's own would tell a closed account from a wrong password, to who knows the password.
        """
        self.pre_authenticate(request, **credentials)
        account = auth.authenticate(request, **credentials)
        AllauthBackend.unstash_authenticated_user()
        if account is None:
            self.authentication_failed(request, **credentials)
        else:
            self._rollback_login_failed_rl_usage()
        return account

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:  # noqa: ARG002 allauth's
        signing_in.record_failure(typed_name=credentials.get("username", ""), method="password")

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Sign in, with a new session key, and audit it in the same transaction."""
        account = cast(Account, user)
        method = get_authentication_records(request, account)[-1]["method"]
        with transaction.atomic():
            super().login(request, account)
            signing_in.record_sign_in(account=account, method=method)

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        signing_in.set_password(account=cast(Account, user), password=password)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(cast(Account, request.user).person)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:  # noqa: ARG002 allauth's
        """The account was closed in the very moment of signing in: back to the start, as any failure."""
        return redirect("account_login")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:  # noqa: ARG002 allauth's
        """One count for each name, whichever of our host names it was typed at."""
        return signing_in.name_digest(credentials.get("username", ""))


def home_of(person: Person) -> str:
    """Where the person starts: who holds an office in Identity Manager, others in Self-Service."""
    holds_office = any(held.role in OFFICER_ROLES for held in person.roles.all())
    return "/" if holds_office else "/my/"
