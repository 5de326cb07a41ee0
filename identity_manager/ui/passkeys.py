"""Passkeys: what the browser is asked for, and whether its answer is right (WebAuthn).

The answer comes from outside and may be anything; whatever is wrong with it, it is simply no proof.
"""

import json
import struct
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from cryptography.exceptions import InvalidSignature
from django.core.exceptions import ValidationError

from identity_manager.models import Account
from identity_manager.people import second_factors

LONGEST_ANSWER = 50_000
# What the parsers of allauth and fido2 raise for an answer that is none.
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


class NotProved(Exception):  # noqa: N818 an answer, not a fault
    """The browser's answer proves nothing."""


def registration_options(account: Account) -> dict[str, Any]:
    """What to ask the browser for to make a passkey; the challenge is kept in the session.

    Where the device can, the passkey is kept there and signs in on its own later.
    """
    options = _plain(auth.begin_registration(account, passwordless=False))
    options["publicKey"]["authenticatorSelection"]["residentKey"] = "preferred"
    return options


def registered(answer: str) -> tuple[dict[str, Any], bytes]:
    """The new passkey as it is kept, and its id. Raises NotProved."""
    try:
        credential = _parsed(answer)
        auth.parse_registration_response(credential)
        binding = auth.complete_registration(credential)
        return credential, binding.credential_data.credential_id
    except MALFORMED as error:
        raise NotProved from error


def sign_in_options(account: Account | None) -> dict[str, Any]:
    """What to ask the browser for: a passkey of the account, or of whoever sits there."""
    return _plain(auth.begin_authentication(account))


def proved(answer: str, *, account: Account | None) -> Authenticator:
    """The passkey that answered, with its user: the account's, or anybody's. Raises NotProved."""
    try:
        credential = _parsed(answer)
        auth.parse_authentication_response(credential)
        user = account or auth.extract_user_from_response(credential)
        row = auth.complete_authentication(user, credential)
        row.user = user
        return row
    except MALFORMED as error:
        raise NotProved from error


def has_one(account: Account) -> bool:
    """Whether the account has a passkey."""
    return second_factors.of(account, Authenticator.Type.WEBAUTHN).exists()


def _plain(options: Any) -> dict[str, Any]:
    """As JSON has it: fido2 gives mappings of its own."""
    plain: dict[str, Any] = json.loads(json.dumps(options, default=dict))
    return plain


def _parsed(answer: str) -> dict[str, Any]:
    credential = json.loads(answer[:LONGEST_ANSWER])
    if not isinstance(credential, dict):
        raise TypeError(type(credential))
    return credential
