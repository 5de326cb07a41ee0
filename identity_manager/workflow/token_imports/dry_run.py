"""Dry run of an import: every certificate of every file becomes a row with its person or a reason."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import CaError, ForeignFileError
from ca_bridge.pkcs12 import foreign
from ca_bridge.x509 import certificate_files, certificates, holders
from identity_manager.models import (
    Certificate,
    RowOutcome,
    SoftwareToken,
    TokenImport,
    TokenImportRow,
    TokenImportState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotPossible, Reason
from identity_manager.workflow.archive import intake
from identity_manager.workflow.token_imports import matching, reasons, rows
from identity_manager.workflow.token_imports.duplicates import Duplicates, leave_out
from identity_manager.workflow.token_imports.matching import Persons, Places

AT_ONCE = 100  # files between two commits
MOST_FROM_A_PAGE = 500

TOO_MANY = Reason(
    "import-too-many",
    _("The file holds more than 500 certificates. Use manage.py import_tokens where the workers run."),
)
IS_PKCS12 = Reason(
    "import-holds-keys",
    _("Files with keys are imported where the workers run: manage.py import_tokens. Keys never come here."),
)
CERTIFICATE_ENDINGS = (".pem", ".crt", ".cer", ".der", ".ldif", ".p7b", ".p7c")


@dataclass(frozen=True)
class File:
    """A file of the folder. password: None if the password list does not name it."""

    name: str
    content: bytes
    password: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def holds_no_keys(self) -> bool:
        """Whether the file is read for certificates only."""
        return self.password is None and self.name.lower().endswith(CERTIFICATE_ENDINGS)


@dataclass(frozen=True)
class _Found:
    """A certificate found in a file, or the reason why none was read."""

    file: File
    content: bytes | None
    has_key: bool = False
    reason: Reason | None = None


def begin(
    *, name: str, types: Sequence[str], has_keys: bool = True, tells_persons: bool = False
) -> TokenImport:
    """Begin an import, or resume the one of this name whose dry run was interrupted.

    types: codes of token types, of which the first fitting one counts. tells_persons: whether persons get a
    mail after the import. Raises NotPossible.
    """
    matching.places(types)
    said = {
        "name": name[-200:],
        "types": list(types),
        "has_keys": has_keys,
        "tells_persons": tells_persons,
    }
    begun = TokenImport.objects.filter(state=TokenImportState.READING, **said)
    return begun.first() or TokenImport.objects.create(**said)


def look_through(
    row: TokenImport,
    files: Iterable[Callable[[], File]],
    *,
    progress: Callable[[int], None] = lambda _n: None,
) -> TokenImport:
    """Read and match the files that the import does not have yet, with a commit after a few.

    files: read lazily, so that a folder of any size fits into memory.
    """
    places, done = matching.places(row.types), 0
    waiting = iter(files)
    while opened := [each() for each in islice(waiting, AT_ONCE)]:
        known = _files_known(row, [file.sha256 for file in opened])
        with transaction.atomic():
            _save(
                row, [found for file in opened if file.sha256 not in known for found in _read(file)], places
            )
        done += len(opened)
        progress(done)
    with transaction.atomic():
        locked = locking.token_import(row.pk)
        locked.look_through(digest=rows.digest(locked))
        locked.save()
        return locked


def _files_known(row: TokenImport, sums: Sequence[str]) -> set[str]:
    """Files that this import has read, and those whose whole content an earlier import has."""
    mine = row.rows.filter(file_sha256__in=sums).values_list("file_sha256", flat=True)
    earlier = TokenImportRow.objects.filter(
        file_sha256__in=sums, token_import__state=TokenImportState.DONE
    ).exclude(token_import=row)
    left = set(
        earlier.exclude(outcome__in=(RowOutcome.DONE, RowOutcome.KNOWN)).values_list("file_sha256", flat=True)
    )
    return {*mine, *(set(earlier.values_list("file_sha256", flat=True)) - left)}


def of_certificates(
    *, name: str, content: bytes, types: Sequence[str], tells_persons: bool = False
) -> TokenImport:
    """Dry run for a file of certificates that was uploaded. Raises NotPossible at `file` or `types`."""
    matching.places(types)
    file = File(name, content)
    try:
        number = len(certificate_files.read(content))
    except ForeignFileError as error:
        refused = IS_PKCS12 if foreign.is_pkcs12(content) else Reason(f"import-{error.code}", error.message)
        raise NotPossible(refused, field="file") from error
    if number > MOST_FROM_A_PAGE:
        raise NotPossible(TOO_MANY, field="file")
    with transaction.atomic():
        row = TokenImport.objects.create(
            name=name[-200:], types=list(types), has_keys=False, tells_persons=tells_persons
        )
        return look_through(row, [lambda: file])


def _read(file: File) -> Iterator[_Found]:
    try:
        if file.holds_no_keys:
            yield from (_Found(file, content) for content in certificate_files.read(file.content))
            return
        if file.password is None:
            yield _Found(file, None, reason=reasons.NO_PASSWORD)
            return
        opened = foreign.read(file.content, file.password)
    except ForeignFileError as error:
        yield _Found(file, None, reason=Reason(error.code, error.message))
        return
    for key in opened.keys:
        for content in key.certificates:
            yield _Found(file, content, has_key=True)
    if opened.unmatched:
        yield _Found(file, None, reason=reasons.KEY_WITHOUT_CERTIFICATE)


def _save(row: TokenImport, found: list[_Found], places: Places) -> None:
    last = row.rows.aggregate(last=Max("position"))["last"] or 0
    named = {each.content: matching.holder_of(each.content) for each in found if each.content is not None}
    persons = Persons(holder for holder in named.values() if holder is not None)
    made: list[TokenImportRow] = []
    for position, each in enumerate(found, last + 1):
        made.append(_row(row, position, each))
        _fill(made[-1], each, persons, places)
    known = Duplicates(made)
    earlier = _Earlier(row, made)
    for one in made:
        known.judge(one)
        earlier.judge(one)
    TokenImportRow.objects.bulk_create(made)


def _row(row: TokenImport, position: int, found: _Found) -> TokenImportRow:
    return TokenImportRow(
        token_import=row,
        position=position,
        file_name=found.file.name[-255:],
        file_sha256=found.file.sha256,
        has_key=found.has_key,
    )


def _fill(made: TokenImportRow, found: _Found, persons: Persons, places: Places) -> None:
    """Set person, type and profile of one row, or the reason why it is left out."""
    if found.content is None:
        leave_out(made, found.reason or reasons.MALFORMED)
        return
    try:
        facts = certificates.describe(found.content)
        purpose, holder = holders.purpose(found.content), holders.holder(found.content)
    except CaError:
        leave_out(made, reasons.MALFORMED)
        return
    made.certificate = found.content
    made.fingerprint_sha256 = facts.sha256_fingerprint
    made.public_key_sha256 = facts.public_key_sha256.hex()
    made.issuer, made.serial = facts.issuer[:500], facts.serial_hex
    made.subject, made.not_after = facts.subject[:1000], facts.not_after
    match = persons.match(holder)
    reason = match.reason
    if not holders.is_of_a_person(found.content):
        reason = reasons.CA_CERTIFICATE
    elif reason is None and purpose not in places:
        reason = reasons.NO_TYPE
    if reason is not None:
        leave_out(made, reason)
        return
    made.person, made.matched_by, made.outcome = match.person, match.by, RowOutcome.NEW
    made.token_type, made.profile = places[purpose]
    made.archives = made.has_key and may_archive(made)


def may_archive(row: TokenImportRow) -> bool:
    """Whether the key may be archived: as for own tokens, and never a nonRepudiation key."""
    token = SoftwareToken(token_type=row.token_type, person=row.person)
    decrypts = holders.purpose(bytes(row.certificate or b"")) in ("encryption", "combined")
    commits = holders.commits(bytes(row.certificate or b""))
    return decrypts and not commits and intake.archives(Certificate(token=token, profile=row.profile))


class _Earlier:
    """Certificates that the same import has already; of duplicates the first counts."""

    def __init__(self, row: TokenImport, made: Sequence[TokenImportRow]) -> None:
        prints = {each.fingerprint_sha256 for each in made if each.fingerprint_sha256}
        mine = row.rows.filter(fingerprint_sha256__in=prints, outcome__in=(RowOutcome.NEW, RowOutcome.KEY))
        self._archives = dict(mine.values_list("fingerprint_sha256", "archives"))

    def judge(self, made: TokenImportRow) -> None:
        """Mark a duplicate: KEY if only this one has the key, else KNOWN."""
        if made.outcome not in (RowOutcome.NEW, RowOutcome.KEY):
            return
        first = self._archives.get(made.fingerprint_sha256)
        if first is not None:
            made.outcome = RowOutcome.KEY if made.archives and not first else RowOutcome.KNOWN
        self._archives[made.fingerprint_sha256] = bool(first or made.archives)
