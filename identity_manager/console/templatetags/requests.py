"""Words of requests in templates."""

from django import template

from identity_manager.console.search.request_columns import title_of

register = template.Library()
register.simple_tag(title_of, name="request_title")
