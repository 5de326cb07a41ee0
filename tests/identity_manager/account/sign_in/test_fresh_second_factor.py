"""What is guarded by a second factor asks for it again after a while; who has none confirms the sign-in."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from identity_manager.account.sign_in import fresh_second_factor_required
from identity_manager.models import Account
from tests.identity_manager.account.sign_in.conftest import account
from tests.tools import cast

pytestmark = pytest.mark.django_db


@fresh_second_factor_required
def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse("through")


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def visit(uma: Account, *proofs: tuple[str, float], method: str = "post") -> bool:
    """Whether the view was reached by a session with these proofs: method, seconds ago."""
    request = getattr(RequestFactory(), method)("/guarded/")
    request.user = uma
    request.session = SessionStore()
    request.session["account_authentication_methods_user"] = str(uma.pk)
    request.session["account_authentication_methods"] = [
        {"method": kind, "at": time.time() - ago} for kind, ago in proofs
    ]
    response = guarded(request)
    if response.status_code == 200:
        return True
    assert response["Location"] == "/account/reauthenticate/?next=%2Fguarded%2F"
    return False


def test_without_a_second_factor_a_recent_sign_in_is_enough(uma: Account) -> None:
    assert visit(uma, ("password", 60))
    assert not visit(uma, ("password", 3600))
    assert not visit(uma)


@pytest.mark.parametrize("kind", ["totp", "webauthn"])
def test_with_one_only_the_second_factor_counts(uma: Account, kind: str) -> None:
    Authenticator.objects.create(user=uma, type=kind, data={})
    assert visit(uma, ("password", 3600), ("mfa", 60))
    assert not visit(uma, ("password", 60))
    assert not visit(uma, ("mfa", 3600), ("password", 60))


def test_recovery_codes_alone_are_no_second_factor(uma: Account) -> None:
    Authenticator.objects.create(user=uma, type="recovery_codes", data={})
    assert visit(uma, ("password", 60))


def test_reading_is_not_guarded(uma: Account) -> None:
    assert visit(uma, method="get")
