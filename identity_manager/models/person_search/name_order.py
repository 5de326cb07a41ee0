"""Sort keys (collation) of persons: surname and given name, in the order of settings.SORT_LANGUAGE.

A database sorts by code point (SQLite) or by the locale that it was created with (PostgreSQL), and so do its
indexes. So the order is encoded in the stored text, with zzza, zzzb and zzzc for the letters that a language
has after Z (ADR 56).
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

    Its numbers are literals in the SQL: SQLite uses an index on an expression only for the identical
    expression, which one with bound parameters is not (measured with 265,000 rows: 1 ms instead of 600).
    """

    lookup_name = "by_name"
    template = f"SUBSTR(%(expressions)s, 1, {SORTED_BY})"
    output_field = models.CharField()


models.TextField.register_lookup(NameOrder)
BY_NAME = NameOrder("search_text")


def key_of(name: str, language: str | None = None) -> str:
    """Return the sort key of a name, without case, accents, punctuation. language: None for SORT_LANGUAGE."""
    letters = _TABLES.get(language or settings.SORT_LANGUAGE, {})
    return without_punctuation(unicodedata.normalize("NFC", name).casefold().translate(letters))


def key_for_reader(words: object) -> str:
    """Return the sort key of a label on a page, in the reader's language."""
    return key_of(str(words), translation.get_language())


def words_of(text: str) -> list[tuple[str, ...]]:
    """Return the words of a query as sort keys spell them; none if they equal the words of the search."""
    if settings.SORT_LANGUAGE not in _TABLES:
        return []
    return [(key,) for key in map(key_of, text.split()) if key]
