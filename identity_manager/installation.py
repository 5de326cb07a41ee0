"""Which installation answers: told by a proof that only who has its SECRET_KEY can make and check.

SECRET_KEY is made once for an installation, and all its processes have it. Who asks sends a nonce; the answer
is an HMAC of it under a key of its own purpose, so it says nothing to others and none can be used twice.
"""

import re
import secrets

from django.utils.crypto import constant_time_compare, salted_hmac

NONCE_HEADER, PROOF_HEADER = "X-Installation-Nonce", "X-Installation-Proof"
_NONCE = re.compile(r"[0-9a-f]{32}")
_PURPOSE = "identity_manager.installation"


def nonce() -> str:
    return secrets.token_hex(16)


def proof(asked: str) -> str:
    """Return the proof; empty for what is no nonce."""
    if not _NONCE.fullmatch(asked):
        return ""
    return salted_hmac(_PURPOSE, asked, algorithm="sha256").hexdigest()


def is_ours(asked: str, given: str) -> bool:
    """Whether an answer to this nonce came from this installation."""
    expected = proof(asked)
    return bool(expected) and constant_time_compare(expected, given)
