"""Passphrases for containers: generated, never chosen."""

import math
import secrets

# Printable ASCII without 0, O, 1 and I: old JDKs refuse anything else, and people type these from a screen.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
GROUPS = 5
GROUP_LENGTH = 5
ENTROPY_BITS = int(math.log2(len(ALPHABET)) * GROUPS * GROUP_LENGTH)


def generate() -> str:
    """Return a passphrase such as ZT7LV-RLZT4-82KLA-Q3P55-78PPY, used as displayed, hyphens included.

    25 random symbols carry 125 bits, more than the 112 that CA/Browser Forum S/MIME BR 6.1.2 asks for;
    29 characters fit the 31 of old Windows dialogs.
    """
    return "-".join(_group() for _ in range(GROUPS))


def _group() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH))
