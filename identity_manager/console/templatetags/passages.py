"""The text of terms with what was removed from it and what is new, built in."""

from django import template
from django.conf import settings
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext

from identity_manager.console.catalogue.terms_comparison import Mark, Passage, Piece
from identity_manager.ui.markup import markup

register = template.Library()


@register.simple_tag
def passage(found: Passage, level: int) -> SafeString:
    """Draw a heading (of this level) or a paragraph. Goes into <article class="reading">."""
    element = f"h{level}" if found.is_heading else "p"
    pieces = " ".join(map(_drawn, found.pieces))
    return SafeString(f"<{element}>{pieces}</{element}>")  # each is safe


def _drawn(piece: Piece) -> SafeString:
    """Its mark is told in words, too, to who does not see it."""
    if piece.mark is Mark.SAME:
        return markup("{}", piece.text)
    is_new = piece.mark is Mark.NEW
    begins = _spoken(pgettext("words of a text", "new") if is_new else pgettext("words of a text", "removed"))
    ends = _spoken(pgettext("words of a text", "end"))
    return markup("<{0}>{1} {2} {3}</{0}>", SafeString("ins" if is_new else "del"), begins, piece.text, ends)


def _spoken(words: str) -> SafeString:
    """In the language of the page, whatever that of the text."""
    return markup(
        '<span class="visually-hidden" lang="{}">[{}]</span>', get_language() or settings.LANGUAGE_CODE, words
    )
