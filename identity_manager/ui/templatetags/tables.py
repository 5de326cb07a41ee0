"""Template tags of a table that has its columns in its template: table, column and detail.

Built in, so no template loads them; usage: templates/ui/README.md. A list that is sorted, exported or chosen
from declares its columns in code (console.lists.columns).
"""

from html import escape
from typing import Any

from django import template
from django.template.base import FilterExpression, Node, NodeList, Parser, TextNode, Token, token_kwargs
from django.template.context import Context
from django.template.defaulttags import ForNode
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from identity_manager.ui.markup import markup

register = template.Library()

Options = dict[str, FilterExpression]
TABLE_OPTIONS = frozenset({"breaks", "is_small", "caption"})
COLUMN_OPTIONS = frozenset({"css", "is_head", "is_action", "is_choice", "shown"})
FRAME = '<div class="table{}{}"><table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'


class ColumnNode(Node):
    """A column: its label stands above it and, on a phone, beside each cell."""

    def __init__(self, label: FilterExpression, options: Options, nodelist: NodeList) -> None:
        self.label, self.options, self.nodelist = label, options, nodelist

    def is_shown(self, context: Context) -> bool:
        return bool(_option(self.options, "shown", context, default=True))

    def head(self, context: Context) -> SafeString:
        """The cell above the column; the label of actions is for screen readers alone."""
        if "is_choice" in self.options:
            return SafeString(render_to_string("ui/choose_all.html"))
        label = _words(self.label, context)
        if "is_action" in self.options:
            label = markup('<span class="visually-hidden">{}</span>', label)
        return markup('<th scope="col"{}>{}</th>', self._css(context), label)

    def render(self, context: Context) -> SafeString:
        """The cell of the row that is in the context."""
        content = SafeString(self.nodelist.render(context).strip())
        css = self._css(context)
        if "is_choice" in self.options:
            return content
        if "is_head" in self.options:
            return markup('<th scope="row"{}>{}</th>', css, content)
        if "is_action" in self.options:
            return markup('<td class="row-actions">{}</td>', content)
        return markup('<td{} data-label="{}">{}</td>', css, _words(self.label, context), content)

    def _css(self, context: Context) -> SafeString | str:
        css = _option(self.options, "css", context)
        return markup(' class="{}"', css) if css else ""


class DetailNode(Node):
    """A second line of a row, below all columns but that of the check boxes."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render_below(self, columns: int, context: Context) -> SafeString:
        content = SafeString(self.nodelist.render(context))
        return markup('<tr class="row-more"><td></td><td colspan="{}">{}</td></tr>', columns - 1, content)


class RowNode(Node):
    """A row: its columns, after the tags that set a variable for them, and what stands below them."""

    def __init__(self, nodelist: NodeList) -> None:
        self.columns = [each for each in nodelist if isinstance(each, ColumnNode)]
        self.details = [each for each in nodelist if isinstance(each, DetailNode)]
        own = (ColumnNode, DetailNode, TextNode)
        self.before = NodeList(each for each in nodelist if not isinstance(each, own))

    def shown(self, context: Context) -> list[ColumnNode]:
        return [each for each in self.columns if each.is_shown(context)]

    def render(self, context: Context) -> SafeString:
        self.before.render(context)
        columns = self.shown(context)
        row = markup("<tr>{}</tr>", SafeString("".join(each.render(context) for each in columns)))
        details = (each.render_below(len(columns), context) for each in self.details)
        return SafeString("".join([row, *details]))  # each is safe


class TableNode(Node):
    """A table with a row for each of a sequence."""

    def __init__(self, row: RowNode, loop: ForNode, options: Options) -> None:
        self.row, self.nodelist, self.options = row, NodeList([loop]), options

    def render(self, context: Context) -> SafeString:
        caption = _option(self.options, "caption", context)
        return markup(
            FRAME,
            "" if _option(self.options, "is_small", context) else " table-stacks",
            " table-breaks" if _option(self.options, "breaks", context) else "",
            markup('<caption class="visually-hidden">{}</caption>', caption) if caption else "",
            SafeString("".join(each.head(context) for each in self.row.shown(context))),
            self.nodelist.render(context),
        )


@register.tag
def table(parser: Parser, token: Token) -> TableNode:
    """Draw a table: `{% table row in rows %}` with a column tag for each column, as the for tag loops.

    breaks: long words break; is_small: it fits a phone, so its rows do not become cards there; caption: for
    screen readers.
    """
    _tag, *bits = token.split_contents()
    if "in" not in bits[:-1]:
        raise template.TemplateSyntaxError("table wants a name for a row and the rows: table row in rows")
    place = bits.index("in")
    names, sequence = "".join(bits[:place]).split(","), parser.compile_filter(bits[place + 1])
    options = _options(parser, "table", bits[place + 2 :], TABLE_OPTIONS)
    nodelist = parser.parse(("endtable",))
    parser.delete_first_token()
    row = RowNode(nodelist)
    if not row.columns or row.before.get_nodes_by_type(ColumnNode):
        raise template.TemplateSyntaxError("table takes columns, each directly in it")
    return TableNode(row, ForNode(names, sequence, is_reversed=False, nodelist_loop=NodeList([row])), options)


@register.tag
def column(parser: Parser, token: Token) -> ColumnNode:
    """Draw a column: `{% column _("State") %}` and the cell of each row, within a table tag.

    is_head: the cell is the head of its row; is_action: it holds buttons; is_choice: it is the tag
    choose_row; css: classes of the head and of the cells; shown: whether there is such a column.
    """
    _tag, label, *bits = token.split_contents()
    options = _options(parser, "column", bits, COLUMN_OPTIONS)
    nodelist = parser.parse(("endcolumn",))
    parser.delete_first_token()
    return ColumnNode(parser.compile_filter(label), options, nodelist)


@register.tag
def detail(parser: Parser, _token: Token) -> DetailNode:
    """Draw a second line of each row, within a table tag."""
    nodelist = parser.parse(("enddetail",))
    parser.delete_first_token()
    return DetailNode(nodelist)


def _options(parser: Parser, tag: str, bits: list[str], known: frozenset[str]) -> Options:
    options: Options = token_kwargs(bits, parser)
    if bits or options.keys() - known:
        raise template.TemplateSyntaxError(f"{tag} knows the options {', '.join(sorted(known))}")
    return options


def _option(options: Options, name: str, context: Context, *, default: object = "") -> Any:
    return options[name].resolve(context) if name in options else default


def _words(label: FilterExpression, context: Context) -> SafeString:
    return SafeString(escape(str(label.resolve(context))))
