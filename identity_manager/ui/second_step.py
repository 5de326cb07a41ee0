"""The second step of a sign-in: left out where a provider of single sign-on asked for it already."""

from allauth.account.authentication import get_authentication_records
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest

from identity_manager.ui import sign_in_ways


class SecondStep(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """allauth's, with that exception."""

    def _should_handle(self, request: HttpRequest) -> bool:
        records = get_authentication_records(request, self.login.user)
        if sign_in_ways.asks_second_factor(records):
            return False
        return bool(super()._should_handle(request))
