"""Names that are written from right to left, within sentences that are not.

Else a bracket or full stop at the end of such a name, or a number behind it, changes sides (UAX #9 2.7).
In markup of its own a name stands in <bdi>; this is for sentences, where a translator places the name.
"""

import unicodedata

FROM_RIGHT_TO_LEFT = frozenset({"R", "AL"})
FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"


def isolated(name: object) -> str:
    """The name as text, kept apart where it has letters from right to left; others stay as they are."""
    text = str(name)
    if any(unicodedata.bidirectional(symbol) in FROM_RIGHT_TO_LEFT for symbol in text):
        return f"{FIRST_STRONG_ISOLATE}{text}{POP_DIRECTIONAL_ISOLATE}"
    return text
