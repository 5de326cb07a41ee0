"""Page context of configuration files: the comparison with the present configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import permission
from identity_manager.configuration.importing import ComparedEntry, Comparison
from identity_manager.configuration.kind import Effect
from identity_manager.configuration.registry import KINDS
from identity_manager.console.configuration.forms import FileForm, ImportForm
from identity_manager.models import Person
from identity_manager.models.text_in_languages import Texts
from identity_manager.models.words import Words

MEANINGS = {
    Effect.SAME: "quiet",
    Effect.DRAFT: "information",
    Effect.WAITS: "waiting",
    Effect.LEFT: "waiting",
    Effect.REFUSED: "stopped",
    Effect.ONLY_HERE: "quiet",
}
ORDER = (Effect.REFUSED, Effect.DRAFT, Effect.LEFT, Effect.WAITS)
COUNTED = (Effect.SAME, Effect.ONLY_HERE)


@dataclass(frozen=True)
class EntryLine:
    """One entry of the comparison, in words."""

    row: ComparedEntry

    @property
    def label(self) -> Words:
        """The kind of the entry, in words."""
        return self.row.kind.label

    @property
    def name(self) -> str:
        """Name of the entry in the file, in the reader's language; empty where it has only a code."""
        return str(Texts(self.row.names))

    @property
    def url(self) -> str:
        """The page of the entry, where it has one."""
        kind, row = self.row.kind, self.row
        return reverse(kind.page, args=kind.page_arguments(row.code, row.pk)) if kind.page and row.pk else ""

    @property
    def meaning(self) -> str:
        return MEANINGS[self.row.effect]

    @property
    def changes(self) -> list[tuple[Words, list[str], list[str]]]:
        """Label, lines before and lines after, of each key that differs."""
        return [(change.label, _lines(change.before), _lines(change.after)) for change in self.row.changes]


def start(actor: Person, form: FileForm) -> dict[str, Any]:
    """The page before a file is chosen."""
    return {"form": form, "may_import": permission.is_system_administrator(actor), "kinds": KINDS.values()}


def compared(found: Comparison, form: ImportForm, *, is_made: bool = False) -> dict[str, Any]:
    """The comparison, or what was made of it. Before it is made a draft has no page yet."""
    rows = [row for effect in ORDER for row in found.of(effect)]
    return {
        "form": form,
        "lines": [EntryLine(row) for row in rows],
        "drafts": len(found.of(Effect.DRAFT)),
        "obstacle": None if is_made else found.obstacle,
        "origin": found.origin,
        "secrets": found.secrets if is_made else (),
        "counted": [(effect.label, len(found.of(effect))) for effect in COUNTED],
        "is_made": is_made,
    }


def _lines(value: object) -> list[str]:
    """A value of the file as lines; nothing where there is none."""
    if value is None or value == "" or value == []:
        return []
    if isinstance(value, bool):
        return [str(_("yes") if value else _("no"))]
    if isinstance(value, Mapping):
        return [f"{name}: {line}" for name in sorted(value) for line in _lines(value[name])]
    if isinstance(value, list):
        return [_in_one(each) for each in value]
    return str(value).split("\n")


def _in_one(value: object) -> str:
    if isinstance(value, list):
        return " = ".join(map(str, value))
    return ", ".join(_lines(value)) if isinstance(value, Mapping) else str(value)
