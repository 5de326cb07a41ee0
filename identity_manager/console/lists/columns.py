"""Columns of lists: one declaration gives the head, the cell, the order, the CSV export and only()."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from identity_manager.console.access import offices
from identity_manager.console.lists.pagination import Orders
from identity_manager.models import Person
from identity_manager.models.words import Words


@dataclass(frozen=True)
class Column:
    """One column.

    cell: function of a prepared row, which returns the cell; or template: renders it, with `row` and
    `column`. With neither, the column is exported only. order: fields to sort by. fields: columns of the
    model that the cell reads, for only(). export: the value in a CSV file: an attribute path on the model's
    row, or a function of it. width: CSS class of the column (content.css). shown_to: roles that see it;
    empty: all.
    """

    name: str
    label: Words
    cell: Callable[[Any], object] | None = None
    template: str = ""
    order: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    export: str | Callable[[Any], object] = ""
    css: str = ""
    width: str = "column-medium"
    is_action: bool = False
    shown_to: frozenset[str] = frozenset()

    @property
    def is_shown(self) -> bool:
        return bool(self.cell or self.template)


@dataclass(frozen=True)
class Cell:
    """What a column shows of one row."""

    column: Column
    value: object


@dataclass(frozen=True)
class DrawnRow:
    """One row as the template draws it. key, name: what its check box posts and says."""

    of: Any
    cells: Sequence[Cell]
    key: str
    name: object
    is_selected: bool


@dataclass(frozen=True)
class DrawnTable:
    """A page of a list as the template draws it. sort: the present order; None where nobody sorts."""

    columns: Sequence[Column]
    rows: Sequence[DrawnRow]
    sort: str | None = None
    checkbox: str = ""


@dataclass(frozen=True)
class Columns:
    """The columns of one list, in the order of its CSV file. shown: of its table, in their order."""

    every: tuple[Column, ...]
    shown: tuple[str, ...]

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
        drawn = [DrawnRow(row, _cells(columns, row), "", "", is_selected=False) for row in rows]
        return DrawnTable(columns, drawn, sort)

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
        """The rows with check boxes. named: key and name of a row; selected: the keys that are ticked."""
        columns, drawn = self.for_actor(actor), []
        for row in rows:
            key, name = named(row)
            drawn.append(DrawnRow(row, _cells(columns, row), str(key), name, str(key) in selected))
        return DrawnTable(columns, drawn, sort, checkbox)


def _cells(columns: Sequence[Column], row: Any) -> list[Cell]:
    return [Cell(each, each.cell(row) if each.cell else "") for each in columns]
