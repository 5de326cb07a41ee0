"""Bidirectional text: isolates right-to-left names inside left-to-right sentences (UAX #9 2.7).

Without isolation a bracket, full stop or number after such a name changes sides. Markup uses <bdi>; this is
for translated sentences with a name in them.
"""

import unicodedata

FROM_RIGHT_TO_LEFT = frozenset({"R", "AL"})
FIRST_STRONG_ISOLATE, POP_DIRECTIONAL_ISOLATE = "\u2068", "\u2069"


def isolated(name: object) -> str:
    """The name between isolate characters if it has right-to-left letters; else unchanged."""
    text = str(name)
    if any(unicodedata.bidirectional(symbol) in FROM_RIGHT_TO_LEFT for symbol in text):
        return f"{FIRST_STRONG_ISOLATE}{text}{POP_DIRECTIONAL_ISOLATE}"
    return text
