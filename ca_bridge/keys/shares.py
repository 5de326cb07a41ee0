"""Shamir secret sharing m of n, as words (SLIP-39): any m officers together reconstruct a secret.

The only module that uses shamir-mnemonic. Exceptions of that package quote the input, so none of its texts
leaves this module: each cause has a sentence of its own here. It is not hardened against timing attacks; it
runs for milliseconds, on an offline machine or in a worker, where nobody can measure it.
A second split of the same secret does not invalidate old shares: a change of officers takes a new secret.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.wordlist import WORDLIST

from ca_bridge.errors import KeyArchiveError

SECRET = 32  # octets
WORDS = 33
FEWEST, MOST = 2, 16
_ABBREVIATED: dict[str, str] = {word[:4]: word for word in WORDLIST}

NOT_SO_MANY = ("shares-number", _("At least 2 and at most 16 officers, and no more needed than there are."))
UNKNOWN_WORD = (
    "share-unknown-word",
    _("A word of the share is not in the list of words. Compare each word."),
)
WRONG_LENGTH = ("share-length", _("A share has 33 words; here are more or fewer."))
MISTYPED = ("share-mistyped", _("The share holds a mistake: a word is wrong, or two are exchanged."))
FOREIGN = ("share-foreign", _("This is not a share of a recovery key."))
OTHER_SET = (
    "share-of-another-set",
    _("The shares come from different sets: one of them is of another key, or retired."),
)
TWICE = ("share-twice", _("The same share was entered twice."))
TOO_FEW = ("shares-too-few", _("There are too few shares to open the recovery key."))
TOO_MANY = (
    "shares-too-many",
    _("There are more shares than are needed. Enter exactly as many as are needed."),
)
NOT_FOR_THIS = (
    "share-for-something-else",
    _("A share was not given for this recovery in its present form, or was changed on its way."),
)
FORGED = ("share-forged", _("The shares do not fit together: at least one of them is false."))


@dataclass(frozen=True)
class ShareFacts:
    """Facts in the first four words of a share; nothing of the secret.

    identifier: of its set.  number: of the share in its set, from 1.  needed: how many open the secret.
    """

    identifier: int
    number: int
    needed: int


def new_secret() -> bytes:
    """A new secret to be split: 256 random bits."""
    return secrets.token_bytes(SECRET)


def split(secret: bytes, *, needed: int, total: int) -> list[str]:
    """The shares of one set; any `needed` of them give the secret back. Raises KeyArchiveError."""
    if not FEWEST <= needed <= total <= MOST or len(secret) != SECRET:
        raise KeyArchiveError(NOT_SO_MANY)
    # The secret is random, so no key stretching is needed. No passphrase: a wrong one would silently yield
    # another secret.
    (shares,) = generate_mnemonics(1, [(needed, total)], secret, passphrase=b"", iteration_exponent=0)
    return list(shares)


def read(text: str) -> ShareFacts:
    """Check one share alone: its words, its length and its checksum. Raises KeyArchiveError."""
    share = _parsed(text)
    return ShareFacts(share.identifier, share.index + 1, share.member_threshold)


def combine(texts: Sequence[str]) -> bytes:
    """Reconstruct the secret from exactly as many distinct shares as needed. Raises KeyArchiveError."""
    shares = [_parsed(text) for text in texts]
    if not shares:
        raise KeyArchiveError(TOO_FEW)
    if len({share.group_parameters() for share in shares}) > 1:
        raise KeyArchiveError(OTHER_SET)
    if len({share.index for share in shares}) < len(shares):
        raise KeyArchiveError(TWICE)
    if len(shares) != shares[0].member_threshold:
        raise KeyArchiveError(TOO_FEW if len(shares) < shares[0].member_threshold else TOO_MANY)
    try:
        secret: bytes = combine_mnemonics([share.mnemonic() for share in shares], passphrase=b"")
    except MnemonicError:
        raise KeyArchiveError(FORGED) from None
    return secret


def completed(text: str) -> str:
    """The share with complete, lower-case words. Raises KeyArchiveError for a word that is not in SLIP-39."""
    return " ".join(_completed(word) for word in text.split())


def _parsed(text: str) -> Share:
    words = completed(text).split()
    if len(words) != WORDS:
        raise KeyArchiveError(WRONG_LENGTH)
    try:
        share = Share.from_mnemonic(" ".join(words))
    except MnemonicError:
        raise KeyArchiveError(MISTYPED) from None
    if (share.group_count, share.iteration_exponent) != (1, 0) or share.member_threshold < FEWEST:
        raise KeyArchiveError(FOREIGN)
    return share


def _completed(word: str) -> str:
    """The word of the SLIP-39 list that begins with these letters; the first four are unique."""
    found = _ABBREVIATED.get(word.lower()[:4])
    if found is None or not found.startswith(word.lower()):
        raise KeyArchiveError(UNKNOWN_WORD)
    return found
