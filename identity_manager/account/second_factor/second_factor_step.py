"""Second step of a sign-in: skipped if the single sign-on provider asks for a second factor itself."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.stages import LoginStageController
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from identity_manager.account import sign_in_methods
from identity_manager.people.sign_in import second_factors

PASSWORD = "password"  # noqa: S105 of what the first step was proved with, a hash


class SecondStep(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """allauth's stage, with that exception, bound to the password and the session of the first step."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """Begin the second step under a new session key, against session fixation."""
        response, goes_on = super().handle()
        if response is not None:
            self.state[PASSWORD] = self.login.user.get_session_auth_hash()
            self.request.session.cycle_key()
        return response, goes_on

    def is_overtaken(self) -> bool:
        """Whether the first step is outdated: the password was changed, or no second factor is left."""
        account = self.login.user
        same = constant_time_compare(self.state.get(PASSWORD, ""), account.get_session_auth_hash())
        return not same or not second_factors.has_one(account)

    def _should_handle(self, request: HttpRequest) -> bool:
        records = get_authentication_records(request, self.login.user)
        if sign_in_methods.asks_second_factor(records):
            return False
        return bool(super()._should_handle(request))


def pending(request: HttpRequest) -> Any:
    """The pending second step of this session, or None."""
    return LoginStageController.enter(request, SecondStep.key)
