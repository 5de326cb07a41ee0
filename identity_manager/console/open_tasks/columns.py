"""Columns of lists in OPEN TASKS, except those of requests and mails."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import Person
from identity_manager.models.words import Words
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments, persons

DECIDE = _("Decide")
Address = Callable[[Any], str]  # of a row's page


def person_cell(person: Person, url: str) -> object:
    """Draw a person; the whole row leads to the address."""
    return persons.who(person.display_name, person.personnel_number, url, row=True)


def person(page: Address) -> Column:
    """The column of the person that a row is about; it leads to the row's page."""
    return Column("person", _("Person"), lambda row: person_cell(row.person, page(row)), width="column-wide")


def name(label: Words, page: Address, *, named: Callable[[Any], object] = str) -> Column:
    """The column of a thing that is known by its name; it leads to the row's page."""
    return Column("name", label, lambda row: cells.row_link(named(row), page(row)), width="column-wide")


def version(label: Words, page: Address) -> Column:
    """The column of a version of the catalogue, with its number below its name."""

    def cell(row: Any) -> object:
        number = gettext("Version %(number)d") % {"number": row.number}
        return cells.with_line(cells.row_link(row, page(row)), number)

    return Column("name", label, cell, width="column-wide")


def action(label: Words, page: Address) -> Column:
    """The column with the one button of a row, which leads to a page."""
    return Column("action", _("Action"), lambda row: cells.button(label, page(row)), is_action=True)


ASKED_BY = Column(
    "asked_by",
    _("Asked for by"),
    lambda row: cells.isolate(row.asked_by or gettext("who operates the machine")),
)
WAITS = Column("waits", _("Waits for"), lambda row: moments.age(row.asked_at), width="column-narrow")


def table(*columns: Column) -> Columns:
    """A list that shows all of its columns, in their order."""
    return Columns(columns, shown=tuple(each.name for each in columns))


def to_decide(thing: Column, page: Address, *more: Column, button: Words = DECIDE) -> Columns:
    """The columns of what waits for a second officer. page: where they decide."""
    return table(thing, *more, ASKED_BY, WAITS, action(button, page))
