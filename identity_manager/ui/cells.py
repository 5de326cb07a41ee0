"""HTML of cells in lists, beside the template tags of the design system."""

from collections.abc import Iterable
from html import escape

from django.utils.safestring import SafeString

from identity_manager.ui.markup import markup


def with_line(text: object, *line: object, css: str = "") -> SafeString:
    """Draw a text or badge with a quiet line below it."""
    below = markup(" ".join(["{}"] * len(line)), *line)
    return markup('<span>{}</span>\n<div class="{}">{}</div>', text, f"who-line {css}".strip(), below)


def stacked(parts: Iterable[object]) -> SafeString:
    """Draw parts below each other; the placeholder of an empty cell without any."""
    drawn = [markup("<div>{}</div>", part) for part in parts]
    return SafeString("".join(drawn)) if drawn else quiet("–")  # each is safe


def broken(lines: Iterable[object]) -> SafeString:
    """Draw texts as lines of one paragraph."""
    return SafeString("<br>".join(markup("{}", line) for line in lines))  # each is safe


def above(line: object, below: object) -> SafeString:
    """Draw a quiet line, if there is one, above a button."""
    return markup('<span class="who-line">{}</span>{}', line, below) if line else markup("{}", below)


def authority(alias: str, issuer: str, trouble: str) -> SafeString:
    """Draw a CA with the name of its issuer, and with its last error, in the CA's language (lang="en")."""
    by = markup('\n<span class="who-line mono">{}</span>', issuer) if issuer else ""
    said = markup('\n<span class="who-line" lang="en">{}</span>', trouble) if trouble else ""
    return markup("<span>{}</span>{}{}", alias, by, said)


def period(since: object, until: object) -> SafeString:
    """Draw both ends as one element: in stacked rows each element has a line of its own."""
    return markup("<span>{} – {}</span>", since, until)


def mono(text: object) -> SafeString:
    """Draw text in a monospaced font, for comparison character by character."""
    return markup('<span class="mono">{}</span>', text)


def in_bytes(number: str) -> SafeString:
    """Let 0A:1B:… break behind its colons, never within a byte."""
    return SafeString(escape(number).replace(":", ":<wbr>"))


def quiet(text: object) -> SafeString:
    """Draw a placeholder for an empty cell."""
    return markup('<span class="quiet">{}</span>', text)


def isolate(text: object) -> SafeString:
    """Draw a text in <bdi>, so that its direction does not affect its neighbours; empty for an empty text."""
    return markup("<bdi>{}</bdi>", text) if text != "" else SafeString()


def linked(text: object, url: str) -> SafeString:
    """Draw a name as a link; as text without a URL."""
    return markup('<a href="{}"><bdi>{}</bdi></a>', url, text) if url else isolate(text)


def button(text: object, url: str, *, name: object = "", css: str = "", **attributes: str) -> SafeString:
    """Draw a small button as a link, for the last cell of a row.

    name: says to screen readers whose row it is. attributes: more of HTML, with _ for -, such as hx_get.
    """
    more = (markup(' {}="{}"', key.replace("_", "-"), value) for key, value in attributes.items())
    return markup(
        '<a class="{}" href="{}"{}>{}{}</a>',
        f"button button-compact {css}".strip(),
        url,
        SafeString("".join(more)),  # each is safe
        text,
        markup('<span class="visually-hidden"> <bdi>{}</bdi></span>', name) if name else "",
    )


def remark(text: object) -> SafeString:
    """Draw what stands in the place of a button: why there is none."""
    return markup('<span class="quiet small">{}</span>', text)


def row_link(text: object, url: str) -> SafeString:
    """Draw the link that covers its whole table row."""
    return markup('<a class="row-link" href="{}">{}</a>', url, text)
