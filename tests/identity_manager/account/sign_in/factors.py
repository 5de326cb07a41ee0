"""An authenticator app, as a person holds it; and browsers that are signed in."""

import re
import time

import time_machine
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from identity_manager.models import Account
from identity_manager.people.sign_in import second_factors
from tests.identity_manager.account.sign_in.conftest import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STEP = 30


def code(secret: str = SECRET, *, steps: int = 0) -> str:
    """What the app shows, so many steps from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // STEP + steps))


def wrong(secret: str = SECRET) -> str:
    """A code that fits in no step around now."""
    right = {code(secret, steps=step) for step in range(-2, 3)}
    return next(f"{number:06}" for number in range(10) if f"{number:06}" not in right)


def with_app(account: Account) -> Account:
    second_factors.add_app(actor=account.person, secret=SECRET)
    return account


def with_codes(account: Account) -> list[str]:
    return second_factors.make_recovery_codes(actor=account.person)


def signed_in(account: Account, *, app: bool = False, agent: str = "") -> Client:
    """At the sign-in page, with the second step where there is an app."""
    client = Client(headers={"User-Agent": agent}) if agent else Client()
    client.post("/account/login/", {"login": account.username, "password": PASSWORD})
    if app:
        client.post("/account/login/second-step/", {"code": code()})
        forget_codes()
    assert is_signed_in(client)
    return client


def forget_codes() -> None:
    """As after ninety seconds: the code of this step is good again, and nobody is locked out."""
    cache.clear()


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


class Browser:
    """What a person signs in with: here it is Django's test client."""

    def __init__(self) -> None:
        self.here = Client()

    @property
    def is_signed_in(self) -> bool:
        return is_signed_in(self.here)


def later(seconds: float) -> time_machine.travel:
    return time_machine.travel(time.time() + seconds, tick=False)


def secret_on(page: str) -> str:
    """The key that the page shows, without its spaces."""
    found = re.search(r'id="app-key"[^>]*>([A-Z2-7 ]+)<', page)
    assert found
    return found.group(1).replace(" ", "")


def signed_on(page: str) -> str:
    found = re.search(r'name="signed" value="([^"]+)"', page)
    assert found
    return found.group(1)
