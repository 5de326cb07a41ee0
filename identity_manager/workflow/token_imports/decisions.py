"""Four-eyes decisions on the matching of an import; the confirmed digest is sealed for the worker."""

import json
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import Person, RowOutcome, TokenImport, TokenImportRow, TokenImportState
from identity_manager.models.people.vouching import Exclusion
from identity_manager.models.token_imports.token_import import WITHDRAWABLE
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    NotPossible,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.token_imports import rows

S = TokenImportState
KEPT = timedelta(days=90)  # rows of an ended import are kept for so long

NOT_TO_IMPORT = Reason(
    "not-to-import-tokens",
    _("Only a Software Token Administrator who is not limited to a unit imports tokens."),
)
OWN_TOKEN_IMPORT = Reason(
    "own-token-import", _("You asked for this import. Another Software Token Administrator decides on it.")
)
TOKEN_IMPORT_NOT_OPEN = Reason(
    "token-import-not-open", _("This import has ended, or somebody else has decided on it.")
)
OTHER_MATCHING = Reason(
    "other-matching", _("The matching is not the one that you saw. Look at it once more before you decide.")
)
NOTHING_TO_IMPORT = Reason("nothing-to-import", _("No certificate of this import is to be imported."))
REASONS: second_officer.Reasons = {Exclusion.OFFICE: NOT_TO_IMPORT, Exclusion.ASKED: OWN_TOKEN_IMPORT}


def officer_obstacle(actor: Person) -> Reason | None:
    """Why this actor cannot import tokens, or None."""
    return None if eligibility.administers_everywhere(actor) else NOT_TO_IMPORT


def ask(*, actor: Person, import_id: uuid.UUID, digest: str) -> TokenImport:
    """Ask a second officer to confirm the matching with this digest. Raises NotAllowed or Stale."""
    with transaction.atomic():
        row = _fetch(actor, import_id, S.LOOKED_THROUGH)
        _require_seen(row, digest)
        require(to_be_done(row).exists(), else_=NOTHING_TO_IMPORT, kind=NotPossible)

        row.ask(by=actor, now=timezone.now())
        row.save()
        audit.record(audit.Event.TOKEN_IMPORT_ASKED, actor=actor, subject=None, **_facts(row))
        return row


def confirm(*, actor: Person, import_id: uuid.UUID, digest: str) -> TokenImport:
    """Confirm the matching, by a second officer; it can then be executed. Raises NotAllowed or Stale."""
    with transaction.atomic():
        row = locking.token_import(import_id)
        second_officer.require(actor, row, reasons=REASONS, not_waiting=TOKEN_IMPORT_NOT_OPEN)
        _require_seen(row, digest)

        row.confirm(by=actor, seal=b"-", now=timezone.now())
        row.seal = vault.wrap(_confirmed(row), purpose=vault.Purpose.OTHER, record=row.pk)
        row.save()
        audit.record(audit.Event.TOKEN_IMPORT_CONFIRMED, actor=actor, subject=None, **_facts(row))
        return row


def reject(*, actor: Person, import_id: uuid.UUID, reason: str) -> TokenImport:
    """Reject the import with a reason, by a second officer. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        row = locking.token_import(import_id)
        second_officer.require(actor, row, reasons=REASONS, not_waiting=TOKEN_IMPORT_NOT_OPEN)
        require(reason.strip(), else_=NO_REASON, field="reason")

        row.refuse(by=actor, reason=reason.strip(), now=timezone.now())
        row.save()
        audit.record(audit.Event.TOKEN_IMPORT_REFUSED, actor=actor, subject=None, **_facts(row))
        return row


def withdraw(*, actor: Person, import_id: uuid.UUID) -> TokenImport:
    """Withdraw the import; rows that were imported stay. Raises NotAllowed or Stale."""
    with transaction.atomic():
        row = _fetch(actor, import_id, *WITHDRAWABLE)

        row.withdraw(now=timezone.now())
        row.save()
        audit.record(audit.Event.TOKEN_IMPORT_WITHDRAWN, actor=actor, subject=None, **_facts(row))
        return row


def state_obstacle(row: TokenImport, *states: TokenImportState) -> Reason | None:
    """Why the import allows no decision, because it is in none of these states; or None."""
    return None if row.state in states else TOKEN_IMPORT_NOT_OPEN


def is_as_confirmed(row: TokenImport) -> bool:
    """Whether rows and officers are unchanged since the confirmation, by its seal."""
    if row.seal is None or row.digest != rows.digest(row):
        return False
    try:
        sealed = vault.unwrap(row.seal, purpose=vault.Purpose.OTHER, record=row.pk)
    except vault.VaultError:
        return False
    return sealed == _confirmed(row)


def to_be_done(row: TokenImport) -> QuerySet[TokenImportRow]:
    """The import's rows that still have to be executed."""
    return row.rows.filter(outcome__in=(RowOutcome.NEW, RowOutcome.KEY))


def forget_old() -> int:
    """Job: delete the rows, which name persons, of imports that ended KEPT ago; return how many."""
    ended = TokenImport.objects.filter(ended_at__lt=timezone.now() - KEPT)
    number, _by_model = TokenImportRow.objects.filter(token_import__in=ended).delete()
    return number


def _fetch(actor: Person, import_id: uuid.UUID, *states: TokenImportState) -> TokenImport:
    refuse(officer_obstacle(actor), kind=NotAllowed)
    row = locking.token_import(import_id)
    refuse(state_obstacle(row, *states), kind=Stale)
    return row


def _require_seen(row: TokenImport, digest: str) -> None:
    """Require one digest of page, import and rows. Raises Stale."""
    require(digest == row.digest == rows.digest(row), else_=OTHER_MATCHING, kind=Stale)


def _confirmed(row: TokenImport) -> bytes:
    by = [str(row.asked_by_id), str(row.decided_by_id)]
    return json.dumps({"digest": row.digest, "by": by}, sort_keys=True).encode("ascii")


def _facts(row: TokenImport) -> dict[str, str]:
    return {"import": str(row.pk), "sha256": row.digest}
