"""Interface of a kind of configuration (ConfigurationKind), for export, comparison and import."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from identity_manager.configuration import shapes
from identity_manager.configuration.shapes import Shape
from identity_manager.models import Person
from identity_manager.models.catalogue.entry_fields import ChoiceListField, content_fields
from identity_manager.models.text_in_languages import TextInLanguages
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import NotPossible, Reason

Values = dict[str, Any]
REQUIRED = object()
LONGEST_NAME = 60

LATER = Reason(
    "configuration-later",
    _("This needs a token type that is not in force yet. Import the file again once it is."),
)


class Effect(models.TextChoices):
    """Effect of an import on one entry."""

    SAME = "same", _("As it is")
    DRAFT = "draft", _("Becomes a draft")
    WAITS = "waits", _("Waits already")
    LEFT = "left", _("Not by an import")
    REFUSED = "refused", _("Not possible")
    ONLY_HERE = "only-here", _("Only here")


class LeftAloneError(Exception):
    """An import does nothing with this entry, and goes on with the others; the reason says what to do."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True)
class Key:
    """One key of an entry.

    default: the value where the file leaves the key out. read: turns a value of the file into the form in
    which values are compared. shown: what a comparison shows of a value.
    """

    label: Words
    shape: Shape
    default: Any = REQUIRED
    read: Callable[[Any], Any] = lambda value: value
    shown: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class Present:
    """An entry of this installation: what it says, and its row."""

    values: Values
    pk: uuid.UUID | str = ""


@dataclass
class Making:
    """An import under way: whose drafts they are, and what is made.

    drafted: by kind, the codes that have a draft by this file. secrets: of new clients by name, shown once.
    shows_secrets: whether there is somebody to show them to. note: of the entry in hand, why nobody is asked.
    """

    actor: Person
    shows_secrets: bool
    drafted: dict[str, set[str]] = field(default_factory=dict)
    secrets: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""

    def ask(self, verb: Callable[[], object]) -> None:
        """Ask for the second officer's decision; where a draft lacks something, the note says what."""
        try:
            verb()
        except NotPossible as refused:
            self.note = str(refused)

    def has_draft(self, kind: str, code: str) -> bool:
        """Whether the entry has a draft that says what the file says."""
        return code in self.drafted.get(kind, ())


@dataclass(frozen=True)
class ConfigurationKind:
    """A kind of entry: its table in the file, its keys in their order, and its verbs.

    here: what is in force, by code. drafts: what waits for a second officer. make: draft one entry; returns
    its row, or raises Refused or LeftAloneError. moves_on: whether an entry that says what the file says
    needs a draft all the same, for another draft of this import. page: the name of the address of an entry's
    page; page_arguments: its arguments, of the entry's code and row.
    """

    name: str
    label: Words
    line: Words
    keys: Mapping[str, Key]
    here: Callable[[], dict[str, Present]]
    drafts: Callable[[], dict[str, Present]]
    make: Callable[[Making, str, Values], uuid.UUID | str]
    page: str
    moves_on: Callable[[Present, Making], bool] = lambda _present, _making: False
    is_code: Callable[[str], bool] = lambda code: 0 < len(code.strip()) <= LONGEST_NAME
    page_arguments: Callable[[str, uuid.UUID | str], Sequence[object]] = lambda _code, pk: [pk]

    def filled(self, given: Values) -> Values:
        """The entry with every key, in the order of the kind; each entry has defaults of its own."""
        return {
            name: key.read(given[name]) if name in given else deepcopy(key.default)
            for name, key in self.keys.items()
        }


def keys_of(model: type[models.Model], **particular: Shape) -> dict[str, Key]:
    """The keys of a model of the catalogue; particular: the shapes of columns whose field does not say it."""
    return {
        name: Key(column.verbose_name, particular.get(name) or _shape(column), _default(column))
        for name, column in content_fields(model).items()
    }


def _shape(column: Any) -> Shape:
    if column.many_to_many or isinstance(column, ChoiceListField):
        return shapes.LIST
    if isinstance(column, TextInLanguages):
        return shapes.TEXTS
    if isinstance(column, models.BooleanField):
        return shapes.FLAG
    return shapes.NUMBER if isinstance(column, models.IntegerField) else shapes.LINE


def _default(column: Any) -> Any:
    if column.null:
        return None
    if column.many_to_many or not column.has_default() or isinstance(column, TextInLanguages):
        return REQUIRED
    found = column.get_default()
    return str(found) if isinstance(found, str) else found
