"""Types of values in a configuration file; the verbs validate their meaning."""

import base64
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509.names import forbidden_characters
from identity_manager.models.words import Words

LARGEST = 2**31 - 1  # of an integer column
MOST = 2**53  # of a number in JSON
DEEPEST = 8


@dataclass(frozen=True)
class Shape:
    """words: what is expected, in a sentence. fits: whether a value that tomllib read has the shape."""

    words: Words
    fits: Callable[[Any], bool]


def is_line(value: Any) -> bool:
    """Whether it is text that can stand in one line, without control characters."""
    return isinstance(value, str) and not forbidden_characters(value)


def is_paragraphs(value: Any) -> bool:
    """Whether it is text, perhaps of several lines."""
    return isinstance(value, str) and is_line(value.translate({ord(each): " " for each in "\r\n\t"}))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_line, value))


def _is_pairs(value: Any) -> bool:
    return isinstance(value, list) and all(_is_list(pair) and len(pair) == 2 for pair in value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_line, (*value, *value.values())))


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether JSON can hold it, no deeper than anybody writes it."""
    if depth > DEEPEST:
        return False
    if isinstance(value, dict):
        return all(is_line(key) and _is_plain(each, depth + 1) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_plain(each, depth + 1) for each in value)
    is_number = isinstance(value, int | float) and math.isfinite(value) and abs(value) <= MOST
    return is_number or is_paragraphs(value)


def _is_base64(value: Any) -> bool:
    try:
        return isinstance(value, str) and base64_bytes(value) is not None
    except ValueError:
        return False


def base64_bytes(text: str) -> bytes:
    """The bytes of base64 text, which may have blanks and several lines. Raises ValueError."""
    return base64.b64decode("".join(text.split()), validate=True)


def base64_text(content: bytes) -> str:
    """The bytes as base64 in lines of 76 characters."""
    return base64.encodebytes(content).decode("ascii")


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and _is_plain(value)


def choice(values: Iterable[str]) -> Shape:
    """One of these words."""
    known = [str(each) for each in values]
    words = format_lazy(_("one of {words}"), words=", ".join(known))
    return Shape(words, lambda value: isinstance(value, str) and value in known)


def tables(**keys: Shape) -> Shape:
    """A list of tables that have exactly these keys."""

    def fits(value: Any) -> bool:
        return isinstance(value, list) and all(map(is_one, value))

    def is_one(value: Any) -> bool:
        same = isinstance(value, dict) and value.keys() == keys.keys()
        return same and all(shape.fits(value[name]) for name, shape in keys.items())

    return Shape(format_lazy(_("a list of tables with {keys}"), keys=", ".join(keys)), fits)


def sections(**keys: Shape) -> Shape:
    """A table for each language, with exactly these keys."""

    def fits(value: Any) -> bool:
        one = tables(**keys).fits
        return isinstance(value, dict) and all(map(is_line, value)) and one(list(value.values()))

    return Shape(format_lazy(_("a table for each language, with {keys}"), keys=", ".join(keys)), fits)


LINE = Shape(_("a text in one line, without control characters"), is_line)
PARAGRAPHS = Shape(_("a text without control characters"), is_paragraphs)
FLAG = Shape(_("true or false"), _is_flag)
NUMBER = Shape(_("a whole number"), _is_number)
LIST = Shape(_("a list of texts"), _is_list)
PAIRS = Shape(_("a list of pairs of texts"), _is_pairs)
TEXTS = Shape(_("a table of texts"), _is_texts)
BASE64 = Shape(_("a file in base64"), _is_base64)
TABLE = Shape(_("a table of texts, numbers, lists and tables"), _is_table)
