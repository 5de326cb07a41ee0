"""Folding of text for search: case and accents do not matter, in any script."""

import string
import unicodedata

import regex

TRIGRAM = 3
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
BETWEEN_WORDS = frozenset(" \n" + string.punctuation)
_WORD_CATEGORIES = frozenset("LNM")  # letters, numbers and their marks

# Letters that Unicode does not decompose, so that NFKD alone leaves them (measured).
_BESIDE_NFKD = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ð": "d",
        "ħ": "h", "ŧ": "t", "ŋ": "n", "ə": "e",
    }
)  # fmt: skip


def fold(text: str) -> str:
    """Return the text without case, accents and compatibility forms, words separated by one space."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(symbol for symbol in decomposed if not unicodedata.combining(symbol))
    return " ".join(bare.casefold().translate(_BESIDE_NFKD).split())


def searchable(*parts: str) -> str:
    """Return the folded parts, each once, one a line so that no match spans two of them."""
    return "\n".join(dict.fromkeys(fold(part) for part in parts if part))


def apart(text: str) -> str:
    """Return the text with each character of a script without spaces as a word of its own."""
    return " ".join(UNSPACED.sub(r" \g<0> ", text).split())


def is_whole(word: str) -> bool:
    """Whether a word is found anywhere; of one or two letters, only beginnings of words are."""
    return len(word) >= TRIGRAM or not any(unicodedata.category(each)[0] in _WORD_CATEGORIES for each in word)
