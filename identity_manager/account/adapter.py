"""allauth adapter: no sign-up, the same answer for every failed sign-in, an audit event for each outcome."""

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import FilteredRelation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.prepared_queries import Statement
from identity_manager.account import known_devices, rate_limit, sign_in_methods
from identity_manager.account.single_sign_on import provider_sessions
from identity_manager.models import OFFICER_ROLES, Account, Person
from identity_manager.people.sign_in import attempts, second_factors

NOT_ACCEPTED = _("The user name and the password do not fit together, or nobody can sign in with them now.")


class AuthenticationBackend(AllauthBackend):  # type: ignore[misc]  # allauth has no types
    """Admits accounts of Active persons only. Checked at each request, so that a leave ends sessions."""

    def user_can_authenticate(self, user: AbstractBaseUser | None) -> bool:
        return isinstance(user, Account) and attempts.may_sign_in(user)

    def get_user(self, user_id: Any) -> Account | None:
        account = _with_roles(user_id)
        return account if self.user_can_authenticate(account) else None


def _account_with_roles(account: Any) -> Any:
    rows = Account.objects.filter(pk=account).annotate(held=FilteredRelation("person__roles"))
    return rows.select_related("person", "held")  # type: ignore[misc]  # annotated above


# Prepared, because every page needs it.
_WITH_ROLES = Statement[Any](_account_with_roles, account=Account._meta.pk)


def _with_roles(account_id: Any) -> Account | None:
    """The account with its person and all roles, in one query."""
    found: list[Any] = _WITH_ROLES.rows(account=account_id)
    if not found:
        return None
    found[0].person.know_roles([row.held for row in found if hasattr(row, "held")])
    account: Account = found[0]
    return account


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth's adapter with the decisions of this product."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": NOT_ACCEPTED,
        "incorrect_password": _("This is not your password."),
        "enter_current_password": _("This is not your current password."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 allauth's signature
        return False

    def is_ajax(self, request: HttpRequest) -> bool:  # noqa: ARG002 allauth's signature
        """Always False: allauth's JSON response would echo the typed password."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """The account, or None for any reason (unknown, closed, person not Active, wrong password).

        allauth would tell a closed account from a wrong password to whoever knows the password.
        Raises TooOften.
        """
        name = credentials.get("username", "")
        counted = rate_limit.password_try(request, name)
        account = auth.authenticate(request, **credentials)
        AllauthBackend.unstash_authenticated_user()
        if account is not None and (not counted.exhausted or second_factors.has_one(account)):
            counted.take_back()
            return account
        attempts.record_failure(typed_name=name, method="password", locked_out=bool(counted.exhausted))
        if counted.exhausted:
            raise rate_limit.TooOften(counted.exhausted)
        return None

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Sign in under a new session key and record the audit event in the same transaction."""
        account = cast(Account, user)
        if not attempts.may_sign_in(account):
            raise ImmediateHttpResponse(self.respond_user_inactive(request, account))
        records = get_authentication_records(request, account)
        breaks_glass = account.is_break_glass and bool(request.session.pop(sign_in_methods.BREAK_GLASS, ""))
        with transaction.atomic():
            super().login(request, account)
            if account.is_break_glass:  # by any page
                attempts.record_break_glass(account=account)
            attempts.record_sign_in(account=account, method=_ways(records))
        way = sign_in_methods.BREAK_GLASS if breaks_glass else sign_in_methods.of(records)
        request.session[sign_in_methods.WAY] = way
        known_devices.remember(request, account)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        """Called by allauth after login(), when the session's row exists."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if provider_sessions.record(request):
            return response
        auth.logout(request)
        return redirect("signed-out")

    def get_login_stages(self) -> list[str]:
        return ["identity_manager.account.second_factor.second_factor_step.SecondStep"]

    def get_reauthentication_methods(self, user: AbstractBaseUser) -> list[dict[str, Any]]:
        """One page for every method; it asks for the second factor if there is one."""
        if not user.is_authenticated:
            return []
        return [{"id": "reauthenticate", "description": "", "url": reverse("account_reauthenticate")}]

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send none of allauth's mails: our verbs send theirs through the outbox."""

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        account = cast(Account, user)
        here = self.request.session.session_key or "" if self.request else ""
        attempts.set_password(account=account, password=password, stays=here)
        if self.request:
            known_devices.remember(self.request, account)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return home_of(cast(Account, request.user).person)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:  # noqa: ARG002 allauth's
        """Account closed during sign-in: back to the sign-in page, as after any failure."""
        return redirect("account_login")


def _ways(records: list[dict[str, Any]]) -> str:
    """Methods of the sign-in, in order: "password+totp"."""
    return "+".join(dict.fromkeys(str(record.get("type") or record["method"]) for record in records))


def home_of(person: Person) -> str:
    """Start page of the person: of the portal served here; of both, the officers' for officers."""
    if len(settings.PORTALS) == 1:
        return "/" if "console" in settings.PORTALS else "/my/"
    holds_office = any(held.role in OFFICER_ROLES for held in person.roles_in_force())
    return "/" if holds_office else "/my/"
