"""Template tags of both portals that draw a symbol or a state: icon, badge, state_badge.

Built in, so no template loads them; usage: templates/ui/README.md.
"""

from collections.abc import Sequence
from functools import cache, lru_cache

from django import template
from django.db.models import Model
from django.template.defaultfilters import capfirst
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from identity_manager.models import SoftwareToken
from identity_manager.ui import states
from identity_manager.ui.markup import markup
from identity_manager.ui.parts import (
    MEANING_ICONS,
    Meaning,
)

register = template.Library()

DIRECTED_ICONS = frozenset(
    {"arrow-left", "arrow-right", "chevron-left", "chevron-right", "external", "send", "sign-out"}
)


@register.simple_tag
@lru_cache(maxsize=1024, typed=True)  # a list draws the same few over and over; safe text is not plain text
def icon(name: str, label: str = "", size: str = "") -> SafeString:
    """Draw a symbol of the sprite. With a label it is an image that is read out; without, decoration."""
    classes = ["icon", f"icon-{size}" if size else "", "icon-directed" if name in DIRECTED_ICONS else ""]
    return markup(
        '<svg class="{}" {}><use href="{}#{}"></use></svg>',
        " ".join(filter(None, classes)),
        markup('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"'),
        static("ui/icons.svg"),
        name,
    )


@register.simple_tag
def badge(meaning: str, word: str, icon_name: str = "") -> SafeString:
    """Draw a state: meaning is done, waiting, stopped, information or quiet; the word says which."""
    return _badge(Meaning(meaning), capfirst(str(word)), icon_name)


@lru_cache(maxsize=1024, typed=True)
def _badge(known: Meaning, word: str, icon_name: str) -> SafeString:
    return markup(
        '<span class="badge means-{}">{}{}</span>', known.value, icon(icon_name or MEANING_ICONS[known]), word
    )


@register.simple_tag
def badges(words: Sequence[str], meaning: str = "quiet", icon_name: str = "token") -> SafeString:
    """Draw several small badges in a row."""
    drawn = "".join(_badge(Meaning(meaning), word, icon_name) for word in words)
    return SafeString(f'<span class="badges badges-names">{drawn}</span>')  # each is safe


@register.simple_tag
def state_badge(row: Model) -> SafeString:
    """Draw the state of a person, request, token, certificate or mail, in its own word."""
    return badge(states.meaning_of(row), _label(type(row), "state", row.state))  # type: ignore[attr-defined]  # see meaning_of


@register.simple_tag
def delivery_badge(token: SoftwareToken) -> SafeString:
    """Draw the delivery state of a token; nothing for one that has ended."""
    meaning = states.DELIVERY[token.delivery]
    if token.ended_at is not None and meaning == Meaning.WAITING:
        return badge(Meaning.QUIET, _("Not delivered"))
    return badge(meaning, _label(type(token), "delivery", token.delivery))


@register.simple_tag
def installation_badge(token: SoftwareToken) -> SafeString:
    """Draw whether the person has confirmed the installation; nothing while they cannot."""
    words = installation_words(token)
    meaning = Meaning.QUIET if token.installed_at is None else Meaning.DONE
    return badge(meaning, words, "laptop") if words else SafeString("")


def installation_words(token: SoftwareToken) -> str:
    """Say whether the person has confirmed the installation; empty while they cannot."""
    if token.installed_at is not None:
        return _("Installed")
    return _("Not said to be installed") if token.awaits_installation else ""


def _label(kind: type[Model], field: str, value: str) -> str:
    """Cached get_FOO_display, which would build and translate all choices at each call."""
    return str(_labels(kind, field)[value])


@cache
def _labels(kind: type[Model], field: str) -> dict[str, str | Promise]:
    return dict(kind._meta.get_field(field).flatchoices)  # type: ignore[union-attr]  # a field of this model
