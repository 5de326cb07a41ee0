"""Duplicate check of an import: certificates and archived keys that the database already has."""

from collections.abc import Iterable, Mapping, Sequence

from identity_manager.models import ArchivedKey, BlockedKey, Certificate, Person, RowOutcome, TokenImportRow
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.token_imports import reasons


def leave_out(row: TokenImportRow, reason: Reason) -> None:
    """Mark a row as left out, with its reason."""
    row.outcome, row.code = RowOutcome.REFUSED, reason.code


class Duplicates:
    """Duplicates certificates and archived keys of these rows, looked up in bulk."""

    def __init__(self, rows: Sequence[TokenImportRow]) -> None:
        prints = {row.fingerprint_sha256 for row in rows if row.fingerprint_sha256}
        known = Certificate.objects.select_related("token__person", "token__request", "imported")
        self._certificates = {
            each.fingerprint_sha256: each for each in known.filter(fingerprint_sha256__in=prints)
        }
        numbers = Certificate.objects.filter(serial__in={row.serial for row in rows if row.serial})
        self._numbers = set(numbers.values_list("issuer", "serial"))
        keys = {row.public_key_sha256 for row in rows if row.public_key_sha256}
        self._blocked = set(BlockedKey.objects.among(keys).values_list("pk", flat=True))
        archived = ArchivedKey.objects.filter(public_key_sha256__in=keys)
        self._owners = dict(archived.values_list("public_key_sha256", "owner_id"))

    def note(self, rows: Iterable[TokenImportRow], created: Mapping[str, Certificate]) -> None:
        """Add imported rows, so that later rows of the same transaction see them."""
        self._certificates.update(created)
        for row in rows:
            self._numbers.add((row.issuer, row.serial))
            if row.archives and row.person is not None:
                self._owners.setdefault(row.public_key_sha256, row.person.pk)

    def judge(self, row: TokenImportRow) -> None:
        """Adjust the outcome of a row whose certificate or key is known."""
        if row.outcome not in (RowOutcome.NEW, RowOutcome.KEY) or row.person is None:
            return
        owner = self._owners.get(row.public_key_sha256)
        if row.archives and owner not in (None, row.person.pk):
            leave_out(row, reasons.KEY_OF_OTHER)
            return
        certificate = self.certificate_of(row)
        if certificate is not None:
            self._judge_known(row, certificate, row.person, key_is_new=row.archives and owner is None)
        elif row.public_key_sha256 in self._blocked:
            leave_out(row, reasons.KEY_IS_BLOCKED)
        elif (row.issuer, row.serial) in self._numbers:
            leave_out(row, reasons.SERIAL_TAKEN)

    def certificate_of(self, row: TokenImportRow) -> Certificate | None:
        """The known certificate of the row, or None."""
        return self._certificates.get(row.fingerprint_sha256)

    def has_key_of(self, row: TokenImportRow) -> bool:
        """Whether the row's key is archived already."""
        return row.public_key_sha256 in self._owners

    @staticmethod
    def _judge_known(
        row: TokenImportRow, certificate: Certificate, person: Person, *, key_is_new: bool
    ) -> None:
        if certificate.token.person_id != person.pk:
            leave_out(row, reasons.KNOWN_OF_OTHER)
        elif key_is_new and hasattr(certificate, "imported"):
            row.outcome = RowOutcome.KEY
        else:
            row.outcome = RowOutcome.KNOWN
