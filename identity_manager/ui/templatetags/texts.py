"""Template tags and filters of both portals for text and numbers.

Built in, so no template loads them; usage: templates/ui/README.md.
"""

from html import escape
from typing import Any

import regex
from django import template
from django.utils import formats
from django.utils.safestring import SafeString

from identity_manager.people.identity import email_addresses
from identity_manager.telemetry import correlation
from identity_manager.ui import punctuation, terms_text
from identity_manager.ui.bidi import isolated
from identity_manager.ui.markup import markup

register = template.Library()

JOINT = regex.compile(r"(?<=[@.])(?=\S)")


@register.filter
def grouped(number: int) -> str:
    """Write a whole number with the separators of the language: 2,000."""
    return formats.number_format(number, force_grouping=True)


register.filter(isolated)
register.simple_tag(punctuation.colon)  # after words that another tag wrote
register.filter("readable_address", email_addresses.readable)


@register.filter
def breakable(text: str) -> SafeString:
    """Insert <wbr> after separators of an address, so that it breaks there rather than within a word."""
    return SafeString(JOINT.sub("<wbr>", escape(str(text))))  # no escape has a joint


@register.simple_tag
def visit_number() -> str:
    """The request id, under which the logs have this request; empty outside of one."""
    return correlation.current()


@register.simple_tag
def code_block(text: str) -> SafeString:
    """Draw preformatted text in a frame that scrolls and is focusable by keyboard."""
    return markup('<pre class="code" tabindex="0"><code>{}</code></pre>', text)


@register.inclusion_tag("ui/terms_text.html", name="terms_text")
def draw_terms_text(body: str) -> dict[str, Any]:
    """Draw the text of terms: its headings and paragraphs. Goes into <article class="reading">."""
    return {"blocks": terms_text.blocks(body)}
