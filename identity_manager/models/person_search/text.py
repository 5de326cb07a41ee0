"""Text folding for search: case, accents and punctuation do not matter, in any script."""

import string
import unicodedata

import regex

TRIGRAM = 3
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
BETWEEN_WORDS = frozenset(" \n" + string.punctuation)
_PUNCTUATION = regex.compile(rf"[\p{{P}}{regex.escape(string.punctuation)}]")
_WORD_CATEGORIES = frozenset("LNM")  # letters, numbers and their marks
# As people type an apostrophe: U+0027, curly, modifier letter, backtick, acute accent, prime, full width.
_APOSTROPHES = str.maketrans("", "", "'’‘‛ʼʻʹˈ`´′＇")

# Letters that Unicode does not decompose, so that NFKD alone leaves them (measured).
_BESIDE_NFKD = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ð": "d",
        "ħ": "h", "ŧ": "t", "ŋ": "n", "ə": "e",
    }
)  # fmt: skip
# How these letters are written where a keyboard lacks them (DIN 5007-2, Danish and Norwegian usage).
_DIGRAPHS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"}
_SPELLED_OUT = str.maketrans(_DIGRAPHS)
_DIGRAPH = regex.compile("ae|oe|ue|aa")


def fold(text: str) -> str:
    """Return the text without case, accents and compatibility forms, words separated by one space."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(symbol for symbol in decomposed if not unicodedata.combining(symbol))
    return " ".join(bare.casefold().translate(_BESIDE_NFKD).split())


def without_apostrophes(text: str) -> str:
    """Return O'Neill as ONeill, whichever sign the apostrophe is."""
    return text.translate(_APOSTROPHES)


def without_punctuation(text: str) -> str:
    """Return the folded text without apostrophes; all other punctuation separates words."""
    return " ".join(_PUNCTUATION.sub(" ", fold(without_apostrophes(text))).split())


def strip_punctuation(text: str) -> str:
    """Return the text without punctuation before and after it."""
    signs = "".join(_PUNCTUATION.findall(text))
    return text.strip(signs) if signs else text


def spelled_out(text: str) -> str:
    """Return the text in lower case with ä as ae, ö and ø as oe, ü as ue, å as aa."""
    return unicodedata.normalize("NFC", text).casefold().translate(_SPELLED_OUT)


def contracted(word: str) -> str:
    """Return the folded word with ae, oe, ue and aa as one letter: what fold makes of ä, ö, ü and å."""
    return str(_DIGRAPH.sub(lambda found: found[0][0], word))


def apart(text: str) -> str:
    """Return the text with each character of a script without spaces as a word of its own."""
    return " ".join(UNSPACED.sub(r" \g<0> ", text).split())


def is_whole(word: str) -> bool:
    """Whether a word is found anywhere; of one or two letters, only beginnings of words are."""
    return len(word) >= TRIGRAM or not any(unicodedata.category(each)[0] in _WORD_CATEGORIES for each in word)
