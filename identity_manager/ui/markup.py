"""Markup that is made in code."""

from html import escape
from typing import Any

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString


def markup(form: str, *values: Any) -> SafeString:
    """What Django's format_html makes, in half the time: that asks of each plain text whether it is lazy.

    form is ours; what is not safe of the values is escaped.
    """
    return SafeString(form.format(*[escape(v) if type(v) is str else conditional_escape(v) for v in values]))
