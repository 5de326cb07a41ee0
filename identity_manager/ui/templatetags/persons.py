"""Template tags of both portals that draw a person: avatar, who.

Built in, so no template loads them; usage: templates/ui/README.md.
"""

import zlib

import regex
from django import template
from django.utils.safestring import SafeString

from identity_manager.ui.markup import markup

register = template.Library()

AVATAR_HUES = 6
LETTER = regex.compile(r"(?=\p{L})\X")
WITHOUT_SPACES = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_WHO = '<div class="who">\n{{}}\n<span class="who-lines">{}{{}}</span>\n</div>'
_LINK = '<a class="{}" href="{}"><bdi>{}</bdi></a>'


@register.simple_tag
def avatar(name: str, size: str = "") -> SafeString:
    """Draw the initials of a name; the same name has the same tint everywhere."""
    hue = zlib.crc32(name.encode()) % AVATAR_HUES
    classes = f"avatar avatar-{hue}{f' avatar-{size}' if size else ''}"
    return markup('<span class="{}" aria-hidden="true">{}</span>', classes, initials(name))


@register.simple_tag
def who(name: str, line: str = "", url: str = "", row: bool = False, size: str = "") -> SafeString:  # noqa: FBT001, FBT002 a tag's
    """Draw a person: their initials, the name, and a line below it. row: the whole table row leads there."""
    below = markup('\n<span class="who-line">{}</span>', line) if line else ""
    if not url:
        return markup(_WHO.format('<bdi class="who-name">{}</bdi>'), avatar(name, size), name, below)
    classes = "who-name row-link" if row else "who-name"
    return markup(_WHO.format(_LINK), avatar(name, size), classes, url, name, below)


def initials(name: str) -> str:
    """Return the first letter of the first and of the last word; one for scripts that do not use spaces."""
    parts: list[str] = [found[0] for word in name.split() if (found := LETTER.search(word))]
    if not parts:
        return "?"
    if len(parts) == 1 or WITHOUT_SPACES.match(parts[0]):
        return parts[0].upper()
    return (parts[0] + parts[-1]).upper()
