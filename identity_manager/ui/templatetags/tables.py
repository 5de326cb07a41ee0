"""Template tags of a table that has its columns in its template: table and column.

Built in, so no template loads them; usage: templates/ui/README.md. A list that is sorted, exported or chosen
from declares its columns in code (console.lists.columns).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.template.base import (
    FilterExpression,
    Node,
    NodeList,
    Parser,
    TextNode,
    Token,
    VariableNode,
    token_kwargs,
)
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()

Options = dict[str, FilterExpression]
TABLE_OPTIONS = frozenset({"breaks", "caption", "is_small"})
COLUMN_OPTIONS = frozenset({"css", "is_action", "is_choice", "is_head", "shown"})


@dataclass(frozen=True)
class DrawnColumn:
    """A column of ui/table.html. options: values of COLUMN_OPTIONS."""

    label: str
    options: dict[str, Any]
    cell: NodeList


@dataclass(frozen=True)
class DrawnRow:
    """A row of ui/table.html: each column with the content of its cell."""

    cells: list[tuple[DrawnColumn, SafeString]]


class ColumnNode(Node):
    """A column: its label stands above it and, on a phone, beside each cell."""

    def __init__(self, label: FilterExpression, options: Options, nodelist: NodeList) -> None:
        self.label, self.options, self.nodelist = label, options, nodelist

    def render(self, _context: Context) -> SafeString:
        """Refuse: a table draws its columns."""
        raise template.TemplateSyntaxError("column stands in a table")

    def drawn(self, context: Context) -> DrawnColumn:
        return DrawnColumn(self.label.resolve(context), _values(self.options, context), self.nodelist)


class TableNode(Node):
    """A table with a row for each of a sequence; its nodes are columns and what sets variables."""

    def __init__(
        self, names: Sequence[str], sequence: FilterExpression, options: Options, nodelist: NodeList
    ) -> None:
        self.names, self.sequence, self.options, self.nodelist = names, sequence, options, nodelist
        self.columns = [each for each in nodelist if isinstance(each, ColumnNode)]
        self.before = NodeList(each for each in nodelist if not isinstance(each, (ColumnNode, TextNode)))

    def render(self, context: Context) -> SafeString:
        columns = [each.drawn(context) for each in self.columns]
        shown = [each for each in columns if each.options.get("shown", True)]
        return render_to_string(
            "ui/table.html",
            {**_values(self.options, context), "columns": shown, "rows": self._rows(context, shown)},
        )

    def _rows(self, context: Context, columns: list[DrawnColumn]) -> Iterator[DrawnRow]:
        for item in self.sequence.resolve(context):
            named = zip(self.names, item if len(self.names) > 1 else [item], strict=True)
            with context.push(**dict(named)):
                self.before.render(context)
                yield DrawnRow([(each, SafeString(each.cell.render(context).strip())) for each in columns])


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
    node = TableNode(names, sequence, options, _until(parser, "endtable"))
    if not node.columns or node.before.get_nodes_by_type(ColumnNode):
        raise template.TemplateSyntaxError("table takes columns, each directly in it")
    texts = [each for each in node.nodelist if isinstance(each, TextNode) and each.s.strip()]
    if texts or any(isinstance(each, VariableNode) for each in node.nodelist):
        raise template.TemplateSyntaxError("what a table says stands in its columns")
    return node


@register.tag
def column(parser: Parser, token: Token) -> ColumnNode:
    """Draw a column: `{% column _("State") %}` and the cell of each row, within a table tag.

    is_head: the cell is the head of its row; is_action: it holds buttons; is_choice: it is the tag
    choose_row; css: classes of the head and of the cells; shown: whether there is such a column.
    """
    _tag, *bits = token.split_contents()
    if not bits:
        raise template.TemplateSyntaxError("column wants a label")
    options = _options(parser, "column", bits[1:], COLUMN_OPTIONS)
    return ColumnNode(parser.compile_filter(bits[0]), options, _until(parser, "endcolumn"))


def _until(parser: Parser, end: str) -> NodeList:
    nodelist = parser.parse((end,))
    parser.delete_first_token()
    return nodelist


def _options(parser: Parser, tag: str, bits: list[str], known: frozenset[str]) -> Options:
    options: Options = token_kwargs(bits, parser)
    if bits or options.keys() - known:
        raise template.TemplateSyntaxError(f"{tag} knows the options {', '.join(sorted(known))}")
    return options


def _values(options: Options, context: Context) -> dict[str, Any]:
    return {name: value.resolve(context) for name, value in options.items()}
