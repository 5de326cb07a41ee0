"""Passkeys (WebAuthn): request options and verification of the browser's responses.

Responses are untrusted; anything malformed is NotProved.
"""

import json
import struct
from enum import StrEnum
from typing import Any

from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from cryptography.exceptions import InvalidSignature
from django.core.exceptions import ValidationError

from identity_manager.models import Account
from identity_manager.people.sign_in import second_factors

LONGEST_ANSWER = 50_000
# Exceptions of allauth's and fido2's parsers for malformed responses.
MALFORMED = (
    ValidationError,
    InvalidSignature,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    struct.error,
)


# Session key: the latest challenge of each purpose.
CHALLENGES = "passkey_challenges"


class ChallengePurpose(StrEnum):
    """Purpose of a challenge, which is valid for no other (WebAuthn 13.4.3)."""

    ALONE = "alone"  # without a password, so user verification is required
    SECOND_STEP = "second-step"
    CONFIRMATION = "confirmation"
    REGISTRATION = "registration"


class NotProved(Exception):  # noqa: N818 an answer, not a fault
    """The browser's response is no valid proof."""


def registration_options(account: Account) -> dict[str, Any]:
    """Options to create a passkey; the challenge is stored in the session.

    Asks for a discoverable credential, which can sign in alone.
    """
    options = _plain(auth.begin_registration(account, passwordless=False))
    options["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred"
    _keep_challenge(ChallengePurpose.REGISTRATION, account)
    return options


def registered(answer: str, *, account: Account) -> tuple[dict[str, Any], bytes]:
    """The new passkey in the stored form, and its id. Raises NotProved."""
    try:
        _take_challenge(ChallengePurpose.REGISTRATION, account)
        credential = _parsed(answer)
        auth.parse_registration_response(credential)
        binding = auth.complete_registration(credential)
        return credential, binding.credential_data.credential_id
    except MALFORMED as error:
        raise NotProved from error


def sign_in_options() -> dict[str, Any]:
    """Options to sign in alone with any discoverable passkey."""
    return _options(ChallengePurpose.ALONE, None)


def options_of(account: Account, purpose: ChallengePurpose) -> dict[str, Any]:
    """Options to answer with one of the account's passkeys."""
    return _options(purpose, account)


def signed_in_alone(answer: str) -> Authenticator:
    """The verified passkey and its user; requires user verification. Raises NotProved."""
    return _proved(answer, purpose=ChallengePurpose.ALONE, account=None)


def proved(answer: str, *, account: Account, purpose: ChallengePurpose) -> Authenticator:
    """The account's verified passkey and its user. Raises NotProved."""
    return _proved(answer, purpose=purpose, account=account)


def has_one(account: Account) -> bool:
    """Whether the account has a passkey."""
    return second_factors.of(account, Authenticator.Type.WEBAUTHN).exists()


def _options(purpose: ChallengePurpose, account: Account | None) -> dict[str, Any]:
    options = _plain(auth.begin_authentication(account))
    _keep_challenge(purpose, account)
    return options


def _proved(answer: str, *, purpose: ChallengePurpose, account: Account | None) -> Authenticator:
    try:
        _take_challenge(purpose, account)
        credential = _parsed(answer)
        parsed = auth.parse_authentication_response(credential)
        if account is None and not parsed.response.authenticator_data.is_user_verified():
            raise ValueError("Whoever touched the passkey did not open its lock.")
        user = account or auth.extract_user_from_response(credential)
        row = auth.complete_authentication(user, credential)
        row.user = user
        return row
    except MALFORMED as error:
        raise NotProved from error


def _keep_challenge(purpose: ChallengePurpose, account: Account | None) -> None:
    """Move the challenge that allauth has just stored to the key of its purpose."""
    session = context.request.session
    kept = {"state": auth.get_state(), "account": _id_of(account)}
    session[CHALLENGES] = {**session.get(CHALLENGES, {}), purpose.value: kept}
    auth.clear_state()


def _take_challenge(purpose: ChallengePurpose, account: Account | None) -> None:
    """Give allauth the challenge of this purpose and account, once. Raises ValueError.

    allauth itself stores a single challenge for all purposes.
    """
    session = context.request.session
    challenges = dict(session.get(CHALLENGES, {}))
    kept = challenges.pop(purpose.value, None)
    session[CHALLENGES] = challenges
    if kept is None or kept["account"] != _id_of(account):
        raise ValueError("Nobody asked for this.")
    auth.set_state(kept["state"])


def _id_of(account: Account | None) -> str:
    return str(account.pk) if account else ""


def _plain(options: Any) -> dict[str, Any]:
    """As plain JSON values instead of fido2's mappings."""
    plain: dict[str, Any] = json.loads(json.dumps(options, default=dict))
    return plain


def _parsed(answer: str) -> dict[str, Any]:
    credential = json.loads(answer[:LONGEST_ANSWER])
    if not isinstance(credential, dict):
        raise TypeError(type(credential))
    return credential
