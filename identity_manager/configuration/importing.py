"""Import a configuration file: drafts of what differs, all or none. A comparison is a dry run of that."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.audit_proof import canonical
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.configuration import shapes, signature
from identity_manager.configuration.kind import (
    ConfigurationKind,
    Effect,
    LeftAloneError,
    Making,
    Present,
    Values,
)
from identity_manager.configuration.reading import ConfigurationEntry, read
from identity_manager.configuration.registry import KINDS
from identity_manager.configuration.signature import SigningInstallation
from identity_manager.models import Person
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import NotPossible, Reason, Refused, Stale, require

MOST_DRAFTS = 200

MOVED_ON = Reason(
    "configuration-moved-on",
    _("Something has changed since you looked at the comparison. Look at it again; nothing was imported."),
)
NOTHING = Reason("configuration-nothing", _("There is nothing that an import would make a draft of."))
TOO_MANY = Reason("configuration-too-many-drafts", _("An import makes at most 200 drafts at once."))
WITH_PROFILES = _("It says the same; its next version takes the drafts of its certificate profiles.")
NOT_ALL = _("Nothing was imported, because not everything can be: %(entry)s: %(reason)s")


@dataclass(frozen=True)
class KeyChange:
    """One key that is not as it was."""

    label: Words
    before: object
    after: object


@dataclass(frozen=True)
class ComparedEntry:
    """One entry, and what an import does with it. remark: why not, or what is left to do.

    names: what the file calls it, by language, where an entry has a name beside its code.
    """

    kind: ConfigurationKind
    code: str
    effect: Effect
    changes: tuple[KeyChange, ...] = ()
    remark: str = ""
    pk: uuid.UUID | str = ""
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Differences of a file, entry by entry. seen: a digest of the file and of what is shown of it."""

    rows: tuple[ComparedEntry, ...]
    origin: SigningInstallation
    seen: str
    secrets: tuple[tuple[str, str], ...] = ()

    def of(self, *effects: Effect) -> list[ComparedEntry]:
        """The rows with one of these effects."""
        return [row for row in self.rows if row.effect in effects]

    @property
    def obstacle(self) -> Reason | None:
        """Why nothing of the file can be imported, or None."""
        if refused := self.of(Effect.REFUSED):
            words = {"entry": f"{refused[0].kind.name} {refused[0].code}", "reason": refused[0].remark}
            return Reason("configuration-not-all", str(NOT_ALL) % words)
        return None if self.of(Effect.DRAFT) else NOTHING


def compare(*, actor: Person, text: str, shows_secrets: bool = True) -> Comparison:
    """Comparison with what an import would do: a dry run, rolled back. Raises NotAllowed or NotPossible."""
    with transaction.atomic():
        found = _carry_out(actor, text, shows_secrets=shows_secrets)
        transaction.set_rollback(True)
    return found


def import_file(*, actor: Person, text: str, seen: str, shows_secrets: bool = True) -> Comparison:
    """Make the drafts that the officer has seen; second officers put them in force, one by one.

    Raises NotAllowed, Stale where the comparison is not what was seen, or NotPossible; then nothing is made.
    """
    with transaction.atomic():
        found = _carry_out(actor, text, shows_secrets=shows_secrets)
        require(found.seen == seen, else_=MOVED_ON, kind=Stale)
        if found.obstacle:
            raise NotPossible(found.obstacle)

        audit.record(
            audit.Event.CONFIGURATION_IMPORTED,
            actor=actor,
            subject=None,
            fingerprint=hashlib.sha256(text.encode()).hexdigest(),
            public_key=found.origin.key,
            counts=dict(Counter(row.kind.name for row in found.of(Effect.DRAFT))),
        )
        return found


def _carry_out(actor: Person, text: str, *, shows_secrets: bool) -> Comparison:
    require_system_administrator(actor)
    origin = signature.origin_of(text)
    making = Making(actor, shows_secrets)
    rows = tuple(_rows(making, read(text)))
    shown = [[row.kind.name, row.code, row.effect, row.remark, _shown(row)] for row in rows]
    seen = hashlib.sha256(text.encode() + canonical(shown)).hexdigest()
    return Comparison(rows, origin, seen, tuple(making.secrets))


def _shown(row: ComparedEntry) -> list[list[object]]:
    return [[str(change.label), change.before, change.after] for change in row.changes]


def _rows(making: Making, entries: list[ConfigurationEntry]) -> Iterator[ComparedEntry]:
    """Each entry in the order of the kinds, with what was drafted before it. Raises NotPossible."""
    made = 0
    for kind in KINDS.values():
        here, drafts = kind.here(), kind.drafts()
        mine = [entry for entry in entries if entry.kind is kind]
        for entry in mine:
            row = replace(
                _row(making, entry, here.get(entry.code), drafts.get(entry.code)), names=_names(entry)
            )
            made += row.effect is Effect.DRAFT
            require(made <= MOST_DRAFTS, else_=TOO_MANY, field="file")
            if row.effect in (Effect.DRAFT, Effect.WAITS):
                making.drafted.setdefault(kind.name, set()).add(row.code)
            yield row
        for code in sorted(here.keys() - {entry.code for entry in mine}):
            yield ComparedEntry(kind, code, Effect.ONLY_HERE, pk=here[code].pk)


def _names(entry: ConfigurationEntry) -> Mapping[str, str]:
    key = entry.kind.keys.get("name")
    return entry.values["name"] if key and key.shape is shapes.TEXTS else {}


def _row(
    making: Making, entry: ConfigurationEntry, present: Present | None, draft: Present | None
) -> ComparedEntry:
    kind, values = entry.kind, entry.values
    changes = _changes(kind, present, values)
    if present and not changes and not kind.moves_on(present, making):
        return ComparedEntry(kind, entry.code, Effect.SAME, pk=present.pk)
    if draft and draft.values == values and not kind.moves_on(draft, making):
        return ComparedEntry(kind, entry.code, Effect.WAITS, changes, pk=draft.pk)
    making.note = ""
    try:
        with transaction.atomic():
            pk = kind.make(making, entry.code, values)
    except LeftAloneError as left:
        return ComparedEntry(kind, entry.code, Effect.LEFT, changes, str(left.reason))
    except Refused as refused:
        return ComparedEntry(kind, entry.code, Effect.REFUSED, changes, str(refused))
    remark = making.note or ("" if changes else str(WITH_PROFILES))
    return ComparedEntry(kind, entry.code, Effect.DRAFT, changes, remark, pk)


def _changes(kind: ConfigurationKind, present: Present | None, values: Values) -> tuple[KeyChange, ...]:
    before = present.values if present else {}
    return tuple(
        KeyChange(key.label, key.shown(before.get(name)), key.shown(values[name]))
        for name, key in kind.keys.items()
        if before.get(name) != values[name]
    )
