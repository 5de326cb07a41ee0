"""What stands around every page, drawn without a template of its own; built in, so no template loads it."""

from django import template
from django.template.context import Context
from django.utils.safestring import SafeString

from identity_manager.ui.markup import markup

register = template.Library()


@register.simple_tag(takes_context=True)
def portal_tab(
    context: Context, key: str, url: str, label: str, count: int = 0, *, tab: str | None = None
) -> SafeString:
    """Draw one of the main tabs of a portal; nothing where it leads nowhere. tab: the present one's key."""
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
