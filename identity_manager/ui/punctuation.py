"""Punctuation that each language sets in its own way: the colon after a label, quotation marks."""

from django.utils.translation import gettext

COLON = ":"  # msgid of Django's own catalogues, for the suffix of form labels


def colon() -> str:
    """The colon after words; French puts a no-break space before it."""
    return gettext(COLON)


def labelled(label: object, words: object) -> str:
    """Label, colon and value: "State: Active". If one of them is empty, the other alone."""
    return f"{colon()} ".join(filter(None, (str(label), str(words))))


def quoted(words: object) -> str:
    """Words in the quotation marks of the language."""
    return gettext("“%(words)s”") % {"words": words}
