"""Punctuation that each language sets in its own way: the colon after a label, quotation marks."""

from django.utils.translation import gettext

COLON = ":"  # Django's own catalogues have it, as the one between a label and its field


def colon() -> str:
    """The colon after words; French puts a no-break space before it."""
    return gettext(COLON)


def labelled(label: object, words: object) -> str:
    """A label, a colon, and what stands for it: "State: Active". Without one of them the other alone."""
    return f"{colon()} ".join(filter(None, (str(label), str(words))))


def quoted(words: object) -> str:
    """Words in the quotation marks of the language."""
    return gettext("“%(words)s”") % {"words": words}
