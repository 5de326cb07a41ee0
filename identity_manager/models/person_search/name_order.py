"""What lists of persons are sorted by: surname and given name, in the order of one language.

A database sorts by code point (SQLite) or by the locale with which it was made (PostgreSQL), and so do its
indexes. Therefore the order stands in the text that is stored, with zzza, zzzb and zzzc for the letters that
a language has after Z. settings.SORT_LANGUAGE says which language (decision 56).
"""

import unicodedata

from django.conf import settings
from django.db import models
from django.utils import translation

from identity_manager.models.person_search.text import without_punctuation

SORTED_BY = 64  # characters
# Unicode CLDR, the standard collation of the language; in letters, because a locale passes over other signs.
_SWEDISH = {"å": "zzza", "ä": "zzzb", "æ": "zzzb", "ö": "zzzc", "ø": "zzzc", "ü": "y"}
_DANISH = {"æ": "zzza", "ä": "zzza", "ø": "zzzb", "ö": "zzzb", "å": "zzzc", "ü": "y"}
# In other languages letters with accents stand beside those without: German (DIN 5007-1), French, English.
_TABLES = {
    language: str.maketrans(letters)
    for language, letters in {
        **dict.fromkeys(("sv", "fi"), _SWEDISH),
        **dict.fromkeys(("da", "nb", "nn"), _DANISH),
    }.items()
}


class NameOrder(models.Transform):
    """The beginning of a person's search text: surname and given name. In order_by: `search_text__by_name`.

    Its numbers stand in the statement itself: SQLite takes an index on an expression only for the very
    same expression, and a bound parameter is none (measured with 265,000 rows: 1 ms instead of 600).
    """

    lookup_name = "by_name"
    template = f"SUBSTR(%(expressions)s, 1, {SORTED_BY})"
    output_field = models.CharField()


models.TextField.register_lookup(NameOrder)
BY_NAME = NameOrder("search_text")


def key_of(name: str, language: str | None = None) -> str:
    """Return what a name is sorted by: without case, accents and punctuation; None: in SORT_LANGUAGE."""
    letters = _TABLES.get(language or settings.SORT_LANGUAGE, {})
    return without_punctuation(unicodedata.normalize("NFC", name).casefold().translate(letters))


def key_for_reader(words: object) -> str:
    """Return what words of a page are sorted by, in the language of who reads it."""
    return key_of(str(words), translation.get_language())


def words_of(text: str) -> list[tuple[str, ...]]:
    """Return the words of a query as names are sorted by them; none where that is as they are searched by."""
    if settings.SORT_LANGUAGE not in _TABLES:
        return []
    return [(key,) for key in map(key_of, text.split()) if key]
