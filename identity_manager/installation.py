"""The version; and a proof, an HMAC under SECRET_KEY, that two processes belong to the same installation.

The asker sends a nonce; the answer is an HMAC of it under a key derived for this purpose. So it reveals
nothing and cannot be replayed.
"""

import re
import secrets

from django.utils.crypto import constant_time_compare, salted_hmac

VERSION = "1.0.0"  # `make release` refuses a version that is not named here
NONCE_HEADER, PROOF_HEADER = "X-Installation-Nonce", "X-Installation-Proof"
_NONCE = re.compile(r"[0-9a-f]{32}")
_PURPOSE = "identity_manager.installation"


def nonce() -> str:
    return secrets.token_hex(16)


def proof(asked: str) -> str:
    """The HMAC of a nonce; empty for a malformed nonce."""
    if not _NONCE.fullmatch(asked):
        return ""
    return salted_hmac(_PURPOSE, asked, algorithm="sha256").hexdigest()


def is_ours(asked: str, given: str) -> bool:
    """Whether the answer to this nonce was made with our SECRET_KEY."""
    expected = proof(asked)
    return bool(expected) and constant_time_compare(expected, given)
