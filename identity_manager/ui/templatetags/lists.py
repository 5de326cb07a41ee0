"""Template tags of both portals for lists: pagination, sort_header, choose_row, row_cells.

Built in, so no template loads them; usage: templates/ui/README.md.
"""

from collections.abc import Iterable
from typing import Any

from django import template
from django.core.paginator import Page
from django.template.base import render_value_in_context
from django.template.context import Context
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from identity_manager.ui.markup import markup

register = template.Library()


@register.inclusion_tag("ui/pagination.html", takes_context=True)
def pagination(
    context: Context, page: Page[Any], parameter: str = "page", of: str = "", anchor: str = ""
) -> dict[str, Any]:
    """Draw the pages of a list, keeping the other parameters of the address; nothing for a single page.

    of, anchor: title and fragment id of this list, if the page has several. keeps_selection: by the form.
    """
    if not page.has_other_pages():
        return {}

    def address(number: int | str) -> str:
        return _query(context, **{parameter: number}) + (f"#{anchor}" if anchor else "")

    elided = page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1)
    return {
        "page": page,
        "of": of,
        "links": [(number, address(number)) for number in elided],
        "ellipsis": page.paginator.ELLIPSIS,
        "previous": address(page.number - 1) if page.has_previous() else "",
        "next": address(page.number + 1) if page.has_next() else "",
        "keeps_selection": context.get("keeps_selection"),
    }


@register.inclusion_tag("ui/sort_header.html", takes_context=True)
def sort_header(context: Context, name: str, label: str, current: str = "") -> dict[str, Any]:
    """Draw the head of a column that sorts by name; current is the present order, "-name" for downwards."""
    direction = {name: "ascending", f"-{name}": "descending"}.get(current, "")
    return {
        "label": label,
        "direction": direction,
        "href": _query(context, sort=f"-{name}" if direction == "ascending" else name, page=None),
        "icon_name": {"ascending": "sort-up", "descending": "sort-down"}.get(direction, "sort"),
        "keeps_selection": context.get("keeps_selection"),
    }


def _query(context: Context, **changes: object) -> str:
    """Return the query of the present address with the changes; None takes a parameter out."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag
def choose_row(checkbox: str, pk: object, name: object, *, ticked: bool = False) -> SafeString:
    """Draw the cell with the check box by which a row of a list is chosen; name says which."""
    label = _("Choose %(name)s") % {"name": name}
    return markup(
        '<td><input type="checkbox" class="row-select" name="{}" value="{}" aria-label="{}"{}></td>',
        *(checkbox, str(pk), label, SafeString(" checked") if ticked else ""),
    )


@register.simple_tag(takes_context=True)
def row_cells(
    context: Context,
    head: object,
    cells: Iterable[tuple[str, str, object]],
    actions: Iterable[object] = (),
) -> SafeString:
    """Draw the head, the cells and the actions of a row (console.lists.columns.DrawnRow).

    A cell without a label is empty. In code, because loops of the template took a fifth of a list's page.
    """
    drawn = [markup('<th scope="row">{}</th>', head)]
    drawn += [_cell(context, label, css, value) for label, css, value in cells]
    drawn += [markup('<td class="row-actions">{}</td>', action) for action in actions]
    return SafeString("".join(drawn))  # each is safe


def _cell(context: Context, label: str, css: str, value: object) -> SafeString:
    if not label:
        return SafeString("<td></td>")
    # Text as it is, which is most; numbers as the language writes them.
    text = value if isinstance(value, str) else render_value_in_context(value, context)
    return markup('<td class="{}" data-label="{}">{}</td>', css, label, text)
