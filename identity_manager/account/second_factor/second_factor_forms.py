"""Forms for second factors: proof and set-up."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter as get_mfa_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret, validate_totp_code
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.core.signing import BadSignature, TimestampSigner
from django.utils.translation import gettext_lazy as _

from identity_manager.account import rate_limit
from identity_manager.account.second_factor import passkeys
from identity_manager.account.second_factor.passkeys import ChallengePurpose, NotProved
from identity_manager.models import Account
from identity_manager.people.sign_in import second_factors

LONGEST_CODE = 32
CODE_INPUT = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
NUMBER_INPUT = {**CODE_INPUT, "inputmode": "numeric"}
NO_CODE = {"required": _("Enter the code.")}
PASSKEY_REFUSED = _("This passkey was not accepted. Try it again, or use another way.")
SET_UP_SALT = "identity_manager.authenticator-app"
# An accepted TOTP code is blocked for all time steps in which it would be valid again.
CODE_SECONDS = settings.MFA_TOTP_PERIOD * (2 * settings.MFA_TOTP_TOLERANCE + 1)


class ProofForm(forms.Form):
    """Proof by a second factor of one account; authenticator is the one that was used."""

    authenticator: Authenticator

    def __init__(self, *args: Any, user: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user


class CodeForm(ProofForm):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        help_text=_("Six digits from your authenticator app, or one of your recovery codes."),
        error_messages=NO_CODE,
        max_length=LONGEST_CODE,
        widget=forms.TextInput(attrs=CODE_INPUT),
    )

    def clean_code(self) -> str:
        counted = rate_limit.code_try(context.request, self.user)
        code: str = self.cleaned_data["code"]
        found = _row_for(self.user, code)
        if found is None:
            second_factors.record_failure(account=self.user)
            raise get_mfa_adapter().validation_error("incorrect_code")
        counted.take_back()
        self.authenticator = found
        return code


class PasskeyForm(ProofForm):
    """Response of a passkey, filled in by a script."""

    purpose: ChallengePurpose
    credential = forms.CharField(widget=forms.HiddenInput, max_length=passkeys.LONGEST_ANSWER)

    def clean_credential(self) -> str:
        counted = rate_limit.passkey_try(context.request, self.user)
        answer: str = self.cleaned_data["credential"]
        try:
            self.authenticator = passkeys.proved(answer, account=self.user, purpose=self.purpose)
        except NotProved as error:
            second_factors.record_failure(account=self.user)
            raise forms.ValidationError(PASSKEY_REFUSED) from error
        counted.take_back()
        return answer


class SecondStepPasskeyForm(PasskeyForm):
    """A passkey as second step, after the password."""

    purpose = ChallengePurpose.SECOND_STEP


class ConfirmationPasskeyForm(PasskeyForm):
    """A passkey for re-authentication of the signed-in user."""

    purpose = ChallengePurpose.CONFIRMATION


class AppForm(forms.Form):
    """Set-up of an authenticator app. The secret travels in the form, signed for the account."""

    secret: str
    code = forms.CharField(
        label=_("Code from the app"),
        help_text=_("Six digits. The app shows new ones every thirty seconds."),
        error_messages=NO_CODE,
        max_length=LONGEST_CODE,
        widget=forms.TextInput(attrs=NUMBER_INPUT),
    )
    signed = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account = account
        self._signer = TimestampSigner(salt=f"{SET_UP_SALT}:{account.pk}")
        self.secret = self._signed_secret() or generate_totp_secret()
        self.initial["signed"] = self._signer.sign(self.secret)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        code = typed.get("code")
        if not code:
            return typed
        if not self._signed_secret():
            self.data = {**self.data, "code": code, "signed": self.initial["signed"]}
            self.add_error("code", _("This took too long. The picture is a new one: scan it again."))
            return typed
        counted = rate_limit.code_try(context.request, self._account)
        if not validate_totp_code(self.secret, code):
            raise forms.ValidationError({"code": get_mfa_adapter().validation_error("incorrect_code")})
        counted.take_back()
        return typed

    def _signed_secret(self) -> str:
        try:
            return self._signer.unsign(self.data.get("signed", ""), max_age=settings.RECENT_SIGN_IN_SECONDS)
        except BadSignature:
            return ""


class PasskeyNameForm(forms.Form):
    """The name of a passkey."""

    name = forms.CharField(
        label=_("Name"),
        help_text=_("So that you know it again: Laptop, Phone, Key in the drawer."),
        error_messages={"required": _("Enter a name.")},
        max_length=second_factors.LONGEST_NAME,
    )


class NewPasskeyForm(PasskeyNameForm):
    """Registration of a passkey: a name, and the browser's response, filled in by a script."""

    credential = forms.CharField(widget=forms.HiddenInput, required=False, max_length=passkeys.LONGEST_ANSWER)
    registered: tuple[dict[str, Any], bytes]

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account = account

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        try:
            self.registered = passkeys.registered(typed.get("credential", ""), account=self._account)
        except NotProved as error:
            raise forms.ValidationError(
                _("No passkey was made. Try it again, on a device with a screen lock or with a security key.")
            ) from error
        return typed


def _row_for(account: Account, code: str) -> Authenticator | None:
    """The authenticator row (app or recovery codes) for which this code is valid now, or None."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)
    for row in second_factors.of(account, *kinds):
        if not second_factors.belongs_to(row, account) or not row.wrap().validate_code(code):
            continue
        if row.type == Authenticator.Type.TOTP and not is_first_use(row, code):
            continue
        row.user = account
        return row
    return None


def is_first_use(row: Authenticator, code: str) -> bool:
    """Mark an app code as used; return whether it was unused (replay protection).

    allauth blocks a code for one time step only, but with a tolerance it is valid longer.
    """
    digits = "".join(symbol for symbol in code if symbol.isdigit())
    return cache.add(f"second-factor.used:{row.pk}:{digits}", "used", timeout=CODE_SECONDS)
