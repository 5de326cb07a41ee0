"""The navigation beside the pages of ADMIN, built in: no page has to fetch it."""

from typing import Any

from django import template
from django.template import Context

from identity_manager.console.administration import sections as admin_sections

register = template.Library()


@register.inclusion_tag("identity_manager/administration/navigation.html", takes_context=True)
def admin_navigation(context: Context) -> dict[str, Any]:
    """Draw the sections that this officer may open, with the present one marked."""
    request = context["request"]
    sections = admin_sections.sections_for(request.person) if request.person else []
    return {"sections": sections, "current": admin_sections.current(sections, request.path)}
