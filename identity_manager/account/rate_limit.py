"""Wrong tries slow down whoever makes them, and nobody else; a page that stops one is answered with 429.

A try is counted before it is looked at and taken back when it was right, so that tries at once count, too.
Counted are: a known device by itself; else the network, the name from that network, and the name from
everywhere. Who has a second factor is not kept out by wrong passwords that others typed for the name: the
password is checked all the same, and the answer to a wrong one does not change. Limits: ACCOUNT_RATE_LIMITS.
"""

from dataclasses import dataclass, field

from allauth.core.internal import ratelimit
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from identity_manager.account import known_devices
from identity_manager.models import Account
from identity_manager.people.sign_in import attempts as signing_in

APP = "allauth.account"  # its setting has the limits
CODE = "too_many_login_attempts"
WAIT = "wait_seconds"


class TooOften(forms.ValidationError):
    """Somebody tried too often. The page says so instead of the form."""

    def __init__(self, action: str) -> None:
        rates = ratelimit.get_rates(app=APP, action=action)
        wait = int(max(rate.duration for rate in rates))
        super().__init__(_("Too many tries"), code=CODE, params={WAIT: wait})


@dataclass
class Try:
    """One try that is counted as wrong, until it is taken back."""

    usages: list[ratelimit.RateLimitUsage] = field(default_factory=list)
    # The limit beyond which a right password is not enough, where it is reached.
    exhausted: str = ""

    def take_back(self) -> None:
        """It was right. Other tries stay counted."""
        for usage in self.usages:
            usage.rollback()


def wait_of_form(form: forms.Form) -> int:
    """How many seconds whoever was refused has to wait; 0 where the form was refused for another reason."""
    errors = [error for rows in form.errors.as_data().values() for error in rows]
    return max((int((error.params or {}).get(WAIT, 0)) for error in errors if error.code == CODE), default=0)


def password_try(request: HttpRequest, name: str) -> Try:
    """Count a password for a user name. Raises TooOften where it is not even looked at."""
    device = known_devices.of_name(request, name)
    if device:
        return Try([_count(request, "failed_device", f"password:{device}")])
    digest = signing_in.name_digest(name)
    here = f"{digest}:{ratelimit.get_ip(request)}"
    counted = Try([_count(request, "failed_network")])
    for action, key in (("failed_password_here", here), ("failed_password_anywhere", digest)):
        _count_softly(counted, request, action, key)
    if counted.exhausted:
        counted.usages.append(_count(request, "failed_password_here_at_most", here))
    return counted


def code_try(request: HttpRequest, account: Account) -> Try:
    """Count a code of an app, or a recovery code. Raises TooOften where it is not even looked at."""
    device = known_devices.of(request, account)
    if device:
        return Try([_count(request, "failed_device", f"code:{device}")])
    here = f"{account.pk}:{ratelimit.get_ip(request)}"
    return Try(
        [
            _count(request, "failed_network"),
            _count(request, "failed_code_here", here),
            _count(request, "failed_code_anywhere", str(account.pk)),
        ]
    )


def passkey_try(request: HttpRequest, account: Account) -> Try:
    """Count a passkey's answer, which nobody guesses: only how busy one keeps us. Raises TooOften."""
    device = known_devices.of(request, account)
    if device:
        return Try([_count(request, "failed_device", f"passkey:{device}")])
    return Try([_count(request, "failed_network")])


def _count(request: HttpRequest, action: str, key: str = "") -> ratelimit.RateLimitUsage:
    usage = ratelimit.consume(request, app=APP, action=action, key=key)
    if usage is None:
        raise TooOften(action)
    return usage


def _count_softly(counted: Try, request: HttpRequest, action: str, key: str) -> None:
    usage = ratelimit.consume(request, app=APP, action=action, key=key)
    if usage is None:
        counted.exhausted = counted.exhausted or action
    else:
        counted.usages.append(usage)
