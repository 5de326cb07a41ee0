"""Query parsing for person search: the words of a query, their spellings, and the names that they may be."""

import unicodedata
from collections.abc import Iterator
from itertools import islice, product

from identity_manager.models.person_search.text import (
    contracted,
    fold,
    spelled_out,
    strip_punctuation,
    without_punctuation,
)

QUERY_LENGTH = 200
RANKED_WORDS = 8
MOST_NAMES = 32  # full names that are looked up for one query

# The spellings of a word, any of which may be found: ("muller", "mueller") for Müller.
Word = tuple[str, ...]


def words_of(text: str) -> list[Word]:
    """Return the folded words of a query, each once. Control characters and the like separate words.

    Punctuation is ignored, but for an e-mail address, which stays one word.
    """
    plain = "".join(" " if unicodedata.category(symbol)[0] == "C" else symbol for symbol in text)
    return list(dict.fromkeys(word for token in plain[:QUERY_LENGTH].split() for word in _words_in(token)))


def _words_in(token: str) -> Iterator[Word]:
    bare = strip_punctuation(token)
    if "@" in bare:
        yield from ((part,) for part in fold(bare).split())
        return
    plain, spelled = without_punctuation(bare).split(), without_punctuation(spelled_out(bare)).split()
    for word, other in zip(plain, spelled, strict=True):
        # A spelling that begins with the word finds nothing beyond what the word finds, so it is left out.
        yield (word,) if other.startswith(word) else (word, other)


def full_names(words: list[Word]) -> list[str]:
    """Return the full names, surname first, that these words may be, as the index has them.

    Surname and given name in either order, each of one word or several. The index begins with Schäfer as
    schafer, so schaefer is looked up as both.
    """
    spellings = [tuple(dict.fromkeys((*word, *map(contracted, word)))) for word in words[:RANKED_WORDS]]
    turned = (spellings[at:] + spellings[:at] for at in range(len(spellings)))
    names = (" ".join(name) for rotation in turned for name in product(*rotation))
    return list(dict.fromkeys(islice(names, MOST_NAMES)))


def lines_of(words: list[Word]) -> list[str]:
    """Return the whole lines that an exact name has: as it is folded, and spelled out."""
    return list(dict.fromkeys((" ".join(word[0] for word in words), " ".join(word[-1] for word in words))))
