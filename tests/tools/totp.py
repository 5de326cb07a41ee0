"""One-time codes as an authenticator app makes them (RFC 6238): nothing of the product or its packages."""

import base64
import hashlib
import hmac
import struct
import time

STEP_SECONDS = 30
DIGITS = 6


def code(secret: str, *, at: float | None = None, digits: int = DIGITS) -> str:
    """The code at that moment for a secret in base32, as the set-up page shows it; spaces do not matter."""
    plain = secret.replace(" ", "")
    key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    step = int(time.time() if at is None else at) // STEP_SECONDS
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F  # RFC 4226 5.3
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"
