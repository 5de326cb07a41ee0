"""Django's own tags `url`, `translate` and `static`, which remember what never changes while a process lives.

All templates have them; one that loads i18n or static has Django's instead. A page draws a hundred addresses
and as many words that stand in the templates themselves, and to find each anew took a tenth of it.
"""

import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django import template
from django.template import defaulttags
from django.template.base import Parser, Token
from django.template.context import Context
from django.templatetags import i18n, static
from django.urls import NoReverseMatch, URLResolver, get_resolver, get_script_prefix, get_urlconf, reverse
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()
# All that `{% load i18n static %}` would give; some of it follows anew.
for library in (i18n.register, static.register):
    register.tags.update(library.tags)
    register.filters.update(library.filters)

# They stand in an address for the keys of rows.
MARKS = tuple(uuid.UUID(int=number) for number in range(1, 4))


class AddressNode(defaulttags.URLNode):
    """An address by its name. Where keys of rows are all that it takes, they are put into what is known."""

    def render(self, context: Context) -> str:
        keys = [each.resolve(context) for each in self.args]
        if self.kwargs or len(keys) > len(MARKS) or any(type(key) is not uuid.UUID for key in keys):
            return super().render(context)
        name, place = self.view_name.resolve(context), get_resolver(get_urlconf())
        address = _address(name, len(keys), place, get_script_prefix(), _namespace(context))
        if address is None:
            return super().render(context)
        for mark, key in zip(MARKS, keys, strict=False):
            address = address.replace(str(mark), str(key))
        if self.asvar:
            context[self.asvar] = address
            return ""
        return conditional_escape(address) if context.autoescape else address


def addresses_of(name: str) -> Callable[[uuid.UUID], str]:
    """The addresses of the pages of many rows, by their keys: the name is looked up once."""
    before, after = reverse(name, args=MARKS[:1]).split(str(MARKS[0]))
    return lambda key: f"{before}{key}{after}"


def _namespace(context: Context) -> str | None:
    """What Django's tag gives as current_app."""
    request: Any = getattr(context, "request", None)
    match = getattr(request, "resolver_match", None)
    namespace: str | None = getattr(request, "current_app", getattr(match, "namespace", None))
    return namespace


@lru_cache(maxsize=1024)
def _address(name: str, keys: int, _place: URLResolver, _prefix: str, namespace: str | None) -> str | None:
    """The address with marks for its keys; None: there is none, and Django's tag says what that means."""
    try:
        return reverse(name, args=MARKS[:keys], current_app=namespace)
    except NoReverseMatch:
        return None


class WordsNode(i18n.TranslateNode):
    """Words that stand in the template itself are asked for once in each language."""

    def __init__(self, node: i18n.TranslateNode) -> None:
        super().__init__(node.filter_expression, node.noop, node.asvar, node.message_context)
        words, meant = self.filter_expression, self.message_context
        self.is_constant = not words.filters and words.var.lookups is None and not (meant and meant.is_var)
        self.known: dict[str | None, str] = {}

    def render(self, context: Context) -> str:
        language = get_language()
        if not self.is_constant or language not in self.known:
            drawn = super().render(context)
            self.known[language] = context[self.asvar] if self.asvar else drawn
            return drawn
        if self.asvar:
            context[self.asvar] = self.known[language]
            return ""
        return self.known[language]


class FixedNode(template.Node):
    """A part of a page that is the same for everybody and at every visit: drawn once in each language."""

    def __init__(self, nodelist: template.NodeList) -> None:
        self.nodelist = nodelist
        self.known: dict[str | None, SafeString] = {}

    def render(self, context: Context) -> SafeString:
        language = get_language()
        if language not in self.known:
            self.known[language] = self.nodelist.render(context)
        return self.known[language]


class FileNode(static.StaticNode):
    """The address of a file of this release."""

    known = ""

    def url(self, context: Context) -> str:
        if self.path.is_var:
            return super().url(context)
        if not self.known:
            self.known = super().url(context)
        return self.known


@register.tag
def url(parser: Parser, token: Token) -> AddressNode:
    """Django's, remembered."""
    node = defaulttags.url(parser, token)
    return AddressNode(node.view_name, node.args, node.kwargs, node.asvar)


@register.tag("translate")
@register.tag("trans")
def translate(parser: Parser, token: Token) -> WordsNode:
    """Django's, remembered."""
    return WordsNode(i18n.do_translate(parser, token))


@register.tag
def fixed(parser: Parser, _token: Token) -> FixedNode:
    """{% fixed %} ... {% endfixed %}: words and symbols alone, nothing of a visit, a person or a row."""
    nodelist = parser.parse(("endfixed",))
    parser.delete_first_token()
    return FixedNode(nodelist)


@register.tag("static")
def static_file(parser: Parser, token: Token) -> static.StaticNode:
    """Django's, remembered."""
    return FileNode.handle_token(parser, token)
