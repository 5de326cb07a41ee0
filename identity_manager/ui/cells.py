"""What cells of lists are drawn from, beside the tags of the design system."""

from django.utils.safestring import SafeString

from identity_manager.ui.markup import markup


def with_line(text: object, *line: object, css: str = "") -> SafeString:
    """Draw a text or badge with a quiet line below it."""
    below = markup(" ".join(["{}"] * len(line)), *line)
    return markup('<span>{}</span>\n<div class="{}">{}</div>', text, f"who-line {css}".strip(), below)


def quiet(text: object) -> SafeString:
    """Draw a word that stands where there is nothing."""
    return markup('<span class="quiet">{}</span>', text)


def isolate(text: object) -> SafeString:
    """Draw a text whose direction does not spread to what stands beside it."""
    return markup("<bdi>{}</bdi>", text)


def linked(text: object, url: str) -> SafeString:
    """Draw a name that leads to its page, where there is one."""
    return markup('<a href="{}"><bdi>{}</bdi></a>', url, text) if url else isolate(text)


def row_link(text: object, url: str) -> SafeString:
    """Draw what the whole table row leads to."""
    return markup('<a class="row-link" href="{}">{}</a>', url, text)
