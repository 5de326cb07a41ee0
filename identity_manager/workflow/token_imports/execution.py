"""Execution of a confirmed import, in portions of persons: open their keys, then write all in one commit.

Resumable: finished rows are marked. Persons get a mail only if the import says so.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from django.db import transaction
from django.db.models import Count, Min
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import ForeignFileError
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.pkcs12 import foreign
from ca_bridge.pkcs12.foreign import ForeignKey
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    Certificate,
    Person,
    RowOutcome,
    TokenImport,
    TokenImportRow,
    TokenImportState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason, Stale, require
from identity_manager.workflow.archive import imported_keys
from identity_manager.workflow.token_imports import decisions, reasons, stored_rows
from identity_manager.workflow.token_imports.duplicates import Duplicates, leave_out
from identity_manager.workflow.token_imports.matching import Match, Persons, holder_of

TOKEN_IMPORT_NOT_CONFIRMED = Reason(
    "token-import-not-confirmed", _("Two officers have to confirm this import before it is carried out.")
)
TOKEN_IMPORT_CHANGED = Reason(
    "token-import-changed",
    _("The rows of this import are not what two officers confirmed: nothing more of it is imported."),
)


PORTION = 20  # persons whose rows are written in one transaction
Pair = tuple[Certificate, PrivateKey]


class Keys(Protocol):
    """The keys of a file by the SHA-256 of their public halves; the file by its own SHA-256.

    Raises LookupError if the folder has no such file, ForeignFileError if it does not open.
    """

    def __call__(self, file_sha256: str, /) -> Mapping[str, ForeignKey]: ...


def no_keys(_file_sha256: str) -> Mapping[str, ForeignKey]:
    """Source of keys for an import of certificates only: it has none."""
    return {}


@dataclass
class Result:
    """How many certificates (or keys alone) were imported, and the files that the folder lacks."""

    done: int = 0
    missing: set[str] = field(default_factory=set)


@dataclass
class _Opened:
    """Opened keys by public key, and the faults of files or keys by row id."""

    keys: dict[str, ForeignKey] = field(default_factory=dict)
    faults: dict[uuid.UUID, str] = field(default_factory=dict)


def confirm(*, actor: Person, import_id: uuid.UUID, digest: str) -> TokenImport:
    """Confirm an import, by a second officer; one of certificates only is executed at once.

    Raises as decisions.confirm does.
    """
    row = decisions.confirm(actor=actor, import_id=import_id, digest=digest)
    if not row.has_keys:
        carry_out(import_id, keys_of=no_keys)
        row.refresh_from_db()
    return row


def carry_out(
    import_id: uuid.UUID, *, keys_of: Keys, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Result:
    """Execute a confirmed import. Raises Stale, or NotPossible if keys cannot be archived now."""
    row = TokenImport.objects.get(pk=import_id)
    require(row.state == TokenImportState.CONFIRMED, else_=TOKEN_IMPORT_NOT_CONFIRMED, kind=Stale)
    require(decisions.is_as_confirmed(row), else_=TOKEN_IMPORT_CHANGED, kind=Stale)
    left = decisions.to_be_done(row).order_by().values("person_id").annotate(first=Min("position"))
    persons, result = list(left.order_by("first").values_list("person_id", flat=True)), Result()
    for start in range(0, len(persons), PORTION):
        some = persons[start : start + PORTION]
        result.done += _of_persons(row, some, keys_of, missing=result.missing)
        progress(start + len(some), len(persons))
    _finish(import_id)
    return result


def _of_persons(
    row: TokenImport, person_ids: Sequence[uuid.UUID], keys_of: Keys, *, missing: set[str]
) -> int:
    """Open the keys of some persons outside any transaction (slow), then write all in one.

    Persons with a missing file are left to the next run.
    """
    opened, there = _Opened(), list[uuid.UUID]()
    waiting = _by_person(decisions.to_be_done(row).filter(person__in=person_ids))
    for person_id, theirs in waiting.items():
        try:
            _open(theirs, keys_of, into=opened)
            there.append(person_id)
        except LookupError as error:
            missing.add(str(error.args[0]))
    with transaction.atomic():
        locked = locking.token_import(row.pk)
        require(locked.state == TokenImportState.CONFIRMED, else_=TOKEN_IMPORT_NOT_CONFIRMED, kind=Stale)
        persons = {person.pk: person for person in locking.persons(there)}
        mine = decisions.to_be_done(row).filter(person__in=persons).select_related("token_type", "profile")
        return _write(locked, persons, list(mine), opened)


def _by_person(rows: Iterable[TokenImportRow]) -> dict[uuid.UUID, list[TokenImportRow]]:
    found: dict[uuid.UUID, list[TokenImportRow]] = {}
    for each in rows:
        if each.person_id is not None:
            found.setdefault(each.person_id, []).append(each)
    return found


def _write(
    row: TokenImport, persons: Mapping[uuid.UUID, Person], rows: list[TokenImportRow], opened: _Opened
) -> int:
    """Insert the tokens of these locked persons' rows; return for how many rows something was inserted."""
    now, known, done = timezone.now(), Duplicates(rows), list[TokenImportRow]()
    matches = Matches(rows)
    events, keys, imported = list[AuditEvent](), list[Pair](), list[stored_rows.Created]()
    for person_id, theirs in _by_person(rows).items():
        good = _judged(row, persons[person_id], theirs, matches=matches, known=known, opened=opened)
        new = [each for each in good if each.outcome == RowOutcome.NEW]
        created = stored_rows.create(row, persons[person_id], new, now=now)
        keys += _to_archive(good, opened, created.certificates, known=known)
        known.note(good, created.certificates)
        events += created.events
        imported.append(created)
        done += good
    events += imported_keys.store(keys) if keys else []
    _mark_done(rows, done, now)
    audit.append(events)
    if row.tells_persons:
        mails = (token_messages.tokens_imported(row, each.active) for each in imported if each.active)
        outbox.enqueue_new(mails, by_sweep=True)
    return len(done)


def _open(rows: Sequence[TokenImportRow], keys_of: Keys, *, into: _Opened) -> None:
    """Open the keys that are to be archived and are not yet, each with a soundness check."""
    wanted = [each for each in rows if each.archives]
    archived = set(
        ArchivedKey.objects.filter(
            public_key_sha256__in={each.public_key_sha256 for each in wanted}
        ).values_list("public_key_sha256", flat=True)
    )
    for each in wanted:
        if each.public_key_sha256 in archived or each.public_key_sha256 in into.keys:
            continue
        try:
            key = keys_of(each.file_sha256)[each.public_key_sha256]
            foreign.check_soundness(key)
            into.keys[each.public_key_sha256] = key
        except ForeignFileError as error:
            into.faults[each.pk] = error.code


class Matches:
    """Present persons of these rows' certificates, looked up in bulk."""

    def __init__(self, rows: Iterable[TokenImportRow]) -> None:
        self._holders = {each.pk: holder_of(bytes(each.certificate or b"")) for each in rows}
        self._persons = Persons(holder for holder in self._holders.values() if holder is not None)

    def of(self, row: TokenImportRow) -> Match | None:
        """The person of a row; None if its certificate names nobody."""
        holder = self._holders[row.pk]
        return self._persons.match(holder) if holder is not None else None


def _judged(
    row: TokenImport,
    person: Person,
    rows: Sequence[TokenImportRow],
    *,
    matches: Matches,
    known: Duplicates,
    opened: _Opened,
) -> list[TokenImportRow]:
    """The rows of a locked person to import now; the others get their reason."""
    for each in rows:
        each.person = person
        match, content = matches.of(each), bytes(each.certificate or b"")
        if person.pk in (row.asked_by_id, row.decided_by_id):
            leave_out(each, reasons.OF_AN_OFFICER)
        elif match is None or match.person != person:
            leave_out(each, match.reason if match and match.reason else reasons.MATCHING_CHANGED)
        elif hashlib.sha256(content).hexdigest() != each.fingerprint_sha256:
            leave_out(each, reasons.MATCHING_CHANGED)
        elif each.pk in opened.faults:
            each.outcome, each.code = RowOutcome.REFUSED, opened.faults[each.pk]
        else:
            known.judge(each)
    return [each for each in rows if each.outcome in (RowOutcome.NEW, RowOutcome.KEY)]


def _to_archive(
    rows: Sequence[TokenImportRow], opened: _Opened, created: Mapping[str, Certificate], *, known: Duplicates
) -> list[Pair]:
    """Each key once, with the newest of its certificates."""
    given: dict[str, Certificate] = {}
    for each in sorted(rows, key=lambda one: (one.not_after is not None, one.not_after), reverse=True):
        certificate = created.get(each.fingerprint_sha256) or known.certificate_of(each)
        if certificate is not None and each.archives and not known.has_key_of(each):
            given.setdefault(each.public_key_sha256, certificate)
    return [(certificate, opened.keys[key].key) for key, certificate in given.items() if key in opened.keys]


def _mark_done(rows: Sequence[TokenImportRow], good: Sequence[TokenImportRow], now: datetime) -> None:
    for each in good:
        each.outcome = RowOutcome.DONE
    for each in rows:
        each.done_at = now
    TokenImportRow.objects.bulk_update(rows, ["outcome", "code", "done_at"])


def _finish(import_id: uuid.UUID) -> None:
    """Finish the import if no row is left to execute."""
    with transaction.atomic():
        row = locking.token_import(import_id)
        if row.state != TokenImportState.CONFIRMED or decisions.to_be_done(row).exists():
            return
        row.finish(now=timezone.now())
        row.save()
        counted = row.rows.order_by().values_list("outcome").annotate(number=Count("pk"))
        audit.record(
            audit.Event.TOKEN_IMPORT_FINISHED,
            actor=None,
            subject=None,
            counts=dict(counted),
            sha256=row.digest,
        )
