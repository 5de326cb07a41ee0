"""Columns of lists: one declaration gives the head, the cell, the order, the CSV export and only()."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from django.utils.html import escape

from identity_manager.console.access import offices
from identity_manager.console.lists.pagination import Orders
from identity_manager.models import Person
from identity_manager.models.words import Words


@dataclass(frozen=True)
class Column:
    """One column.

    cell: function of a prepared row, which returns the cell; without it, the column is exported only. order:
    fields to sort by. fields: columns of the model that the cell reads, for only(). export: the value in a
    CSV file: an attribute path on the model's row, or a function of it. width: CSS class of the column
    (content.css). is_action: it has buttons, and stands behind all others. is_detail: its cell stands below
    the others, as wide as all of them, without a label. shown_to: roles that see it; empty: all.
    """

    name: str
    label: Words
    cell: Callable[[Any], object] | None = None
    order: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    export: str | Callable[[Any], object] = ""
    css: str = ""
    width: str = "column-medium"
    is_action: bool = False
    is_detail: bool = False
    shown_to: frozenset[str] = frozenset()


class Cell(NamedTuple):
    """Content of a column in one row, for a template that unpacks it: attribute look-ups take thrice as long.

    label: of the column, escaped; empty where there is nothing to show.
    """

    label: str
    css: str
    value: object


@dataclass(frozen=True)
class DrawnRow:
    """One row as the template draws it. key, name: what its check box posts and says."""

    head: object
    cells: Sequence[Cell]
    actions: Sequence[object]
    details: Sequence[object] = ()
    key: str = ""
    name: object = ""
    is_selected: bool = False


@dataclass(frozen=True)
class DrawnTable:
    """A page of a list as the template draws it. sort: the present order; None where nobody sorts.

    columns: those with a head. checkbox: name of the check boxes; empty: none.

    is_steady: its columns keep their widths whatever the rows hold.
    """

    columns: Sequence[Column]
    rows: Sequence[DrawnRow]
    sort: str | None = None
    checkbox: str = ""
    is_steady: bool = True


@dataclass(frozen=True)
class Columns:
    """The columns of one list, in the order of its CSV file. shown: of its table, in their order.

    is_steady: the table's columns keep their widths from page to page; otherwise they fit their contents.
    """

    every: tuple[Column, ...]
    shown: tuple[str, ...]
    is_steady: bool = True

    @property
    def orders(self) -> Orders:
        return {each.name: each.order for each in self.every if each.order}

    @property
    def fields(self) -> tuple[str, ...]:
        """For only(): what the cells read, each once."""
        return tuple(dict.fromkeys(field for each in self.every for field in each.fields))

    @property
    def header(self) -> list[Words]:
        return [each.label for each in self.every if each.export]

    def exported(self, row: Any) -> list[object]:
        """The cells of a row of the model in a CSV file."""
        exports = (each.export for each in self.every if each.export)
        return [each(row) if callable(each) else attrgetter(each)(row) for each in exports]

    def for_actor(self, actor: Person) -> list[Column]:
        """The columns of the table that this officer sees."""
        named = {each.name: each for each in self.every}
        columns = (named[name] for name in self.shown)
        return [each for each in columns if not each.shown_to or offices.holds(actor, each.shown_to)]

    def draw(self, actor: Person, rows: Iterable[Any], *, sort: str | None = None) -> DrawnTable:
        """The rows without check boxes."""
        columns = self.for_actor(actor)
        cells_of = _cells_of(columns)
        drawn = [DrawnRow(*cells_of(row)) for row in rows]
        return DrawnTable(_with_heads(columns), drawn, sort, "", self.is_steady)

    def draw_selectable(
        self,
        actor: Person,
        rows: Iterable[Any],
        *,
        sort: str | None,
        checkbox: str,
        named: Callable[[Any], tuple[object, object]],
        selected: Collection[str],
    ) -> DrawnTable:
        """The rows with check boxes. named: key and name of a row; selected: the keys that are ticked.

        A row with an empty key has no check box.
        """
        columns, drawn = self.for_actor(actor), []
        cells_of = _cells_of(columns)
        for row in rows:
            key, name = named(row)
            drawn.append(DrawnRow(*cells_of(row), str(key), name, str(key) in selected))
        return DrawnTable(_with_heads(columns), drawn, sort, checkbox, self.is_steady)


def _with_heads(columns: Iterable[Column]) -> list[Column]:
    return [each for each in columns if not each.is_detail]


_Parts = tuple[object, list[Cell], list[object], list[object]]


def _cells_of(columns: Sequence[Column]) -> Callable[[Any], _Parts]:
    """A function that gives a row's head, cells, actions and details. Labels are translated once for all."""
    first, *others = columns
    named = [(each, escape(str(each.label))) for each in others]

    def cells_of(row: Any) -> _Parts:
        cells: list[Cell] = []
        actions: list[object] = []
        details: list[object] = []
        for column, label in named:
            value = column.cell(row) if column.cell else ""
            if column.is_action:
                actions.append(value)
            elif column.is_detail:
                details.append(value)
            else:
                cells.append(Cell("" if value == "" else label, column.css, value))
        return first.cell(row) if first.cell else "", cells, actions, details

    return cells_of
