"""Rate limit of sign-in attempts, per device, network and name; exceeded limits are answered with 429.

An attempt is counted before it is checked and taken back if it was right, so that parallel attempts count.
Counters: a known device alone; else the network, the name from that network, and the name from everywhere. An
account with a second factor is not locked out by wrong passwords that others typed for its name: the password
is still checked, and the answer to a wrong one stays the same. Limits: ACCOUNT_RATE_LIMITS.
"""

from dataclasses import dataclass, field

from allauth.core.internal import ratelimit
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from identity_manager.account import known_devices
from identity_manager.models import Account
from identity_manager.people.sign_in import attempts

APP = "allauth.account"  # whose setting holds the limits
CODE = "too_many_login_attempts"
WAIT = "wait_seconds"


class TooOften(forms.ValidationError):
    """The limit is exceeded; the page shows this instead of the form."""

    def __init__(self, action: str) -> None:
        rates = ratelimit.get_rates(app=APP, action=action)
        wait = int(max(rate.duration for rate in rates))
        super().__init__(_("Too many tries"), code=CODE, params={WAIT: wait})


@dataclass
class Try:
    """One attempt, counted as wrong until taken back."""

    usages: list[ratelimit.RateLimitUsage] = field(default_factory=list)
    # Set if the limit is reached beyond which even a right password is refused.
    exhausted: str = ""

    def take_back(self) -> None:
        """Undo the count of this attempt, which was right. Other attempts stay counted."""
        for usage in self.usages:
            usage.rollback()


def wait_of_form(form: forms.Form) -> int:
    """Seconds until the next attempt; 0 if the form was refused for another reason."""
    errors = [error for rows in form.errors.as_data().values() for error in rows]
    return max((int((error.params or {}).get(WAIT, 0)) for error in errors if error.code == CODE), default=0)


def password_try(request: HttpRequest, name: str) -> Try:
    """Count a password attempt. Raises TooOften if it must not even be checked."""
    device = known_devices.of_name(request, name)
    if device:
        return Try([_count(request, "failed_device", f"password:{device}")])
    digest = attempts.name_digest(name)
    here = f"{digest}:{ratelimit.get_ip(request)}"
    counted = Try([_count(request, "failed_network")])
    for action, key in (("failed_password_here", here), ("failed_password_anywhere", digest)):
        _count_softly(counted, request, action, key)
    if counted.exhausted:
        counted.usages.append(_count(request, "failed_password_here_at_most", here))
    return counted


def code_try(request: HttpRequest, account: Account) -> Try:
    """Count an app code or recovery code. Raises TooOften if it must not even be checked."""
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
    """Count a passkey response. They cannot be guessed: this only limits load. Raises TooOften."""
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
