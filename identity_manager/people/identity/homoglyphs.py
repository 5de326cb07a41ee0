"""Homoglyphs: detects words that mix scripts, or whose letters only look Latin (UTS 39)."""

import regex

_SCRIPTS = (
    "Latin", "Greek", "Cyrillic", "Armenian", "Hebrew", "Arabic", "Thai", "Georgian", "Cherokee", "Tamil",
    "Devanagari", "Bengali", "Han", "Hiragana", "Katakana", "Bopomofo", "Hangul",
)  # fmt: skip
_SCRIPT_OF = {name: regex.compile(rf"\p{{Script={name}}}") for name in _SCRIPTS}
_NEUTRAL = regex.compile(r"[\p{Script=Common}\p{Script=Inherited}]")
# Scripts that may be mixed (UTS 39 5.2, highly restrictive).
_TOGETHER = (
    frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
    frozenset({"Latin", "Han", "Bopomofo"}),
    frozenset({"Latin", "Han", "Hangul"}),
)
# Cyrillic and Greek letters that look Latin: a word of these alone is deceptive.
_LOOKS_LATIN = frozenset("асԁеһіјӏорԛѕԝхуүћοανκρτυχ")


def deceives(word: str) -> bool:
    """Whether the word may be read as another one."""
    letters = [letter for letter in word if not _NEUTRAL.match(letter)]
    return _mixes_scripts(letters) or (bool(letters) and _LOOKS_LATIN.issuperset(letters))


def _mixes_scripts(letters: list[str]) -> bool:
    scripts = {_script(letter) for letter in letters}
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)


def _script(letter: str) -> str:
    """Script of the letter; all unlisted scripts count as one."""
    return next((name for name, pattern in _SCRIPT_OF.items() if pattern.match(letter)), "other")


def foreign(word: str) -> str:
    """Non-ASCII letters of the word, as code points."""
    return ", ".join(dict.fromkeys(f"U+{ord(letter):04X}" for letter in word if not letter.isascii()))
