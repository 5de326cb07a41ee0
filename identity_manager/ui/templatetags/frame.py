"""Template tags of the page frame: portal_tab, help_link, render_once. They are built in."""

from functools import lru_cache

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from identity_manager.ui import help_pages
from identity_manager.ui.markup import markup
from identity_manager.ui.templatetags.badges import icon

register = template.Library()


@register.simple_tag(takes_context=True)
def portal_tab(
    context: Context, key: str, url: str, label: str, count: int = 0, *, tab: str | None = None
) -> SafeString:
    """Draw one of the main tabs of a portal; nothing without a URL. tab: key of the current tab."""
    if not url:
        return SafeString()
    present = context.get("tab") if tab is None else tab
    return markup(
        '<a class="tab" href="{}"{}>{}{}</a>',
        url,
        SafeString(' aria-current="page"' if present == key else ""),
        label,
        markup(' <span class="count count-open">{}</span>', count) if count else "",
    )


@register.simple_tag(takes_context=True)
def help_link(context: Context, portal: str) -> SafeString:
    """Draw the link to the help with this page: a document for officers, a section for persons."""
    match = getattr(context.get("request"), "resolver_match", None)
    name = match.view_name if match else ""
    try:
        url = _help_of_officers(name, context) if portal == "console" else _help_of_persons(name)
    except NoReverseMatch:  # this process does not serve the portal whose frame it draws
        return SafeString()
    return markup(
        '<a class="button button-quiet button-icon" href="{}" aria-label="{}">{}</a>',
        url,
        _("Help with this page"),
        icon("help"),
    )


def _help_of_officers(view_name: str, context: Context) -> str:
    roles = getattr(context.get("portal"), "roles", ())
    return reverse("console:document", args=[help_pages.document_of(view_name, roles)])


def _help_of_persons(view_name: str) -> str:
    section = help_pages.page_of(help_pages.PERSONS, view_name) or help_pages.FIRST_SECTION
    return f"{reverse('selfservice:help')}#{section}"


@register.simple_tag
def render_once(template_name: str) -> SafeString:
    """Render a template that depends on nothing but the language: once in a process for each language."""
    return rendered(template_name, get_language())


@lru_cache(maxsize=64)
def rendered(template_name: str, _language: str | None) -> SafeString:
    """The template in the language that is active; without its context."""
    return SafeString(render_to_string(template_name))
