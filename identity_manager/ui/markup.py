"""HTML made in code, with escaping."""

from html import escape
from typing import Any

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString


def markup(form: str, *values: Any) -> SafeString:
    """As Django's format_html, twice as fast because it does not check each string for lazy translation.

    form is a literal; unsafe values are escaped.
    """
    return SafeString(form.format(*[escape(v) if type(v) is str else conditional_escape(v) for v in values]))
