"""Groups of decided revocations: claim several, call the CA once (group commit).

A worker claims the due certificate. If that has waited, or another worker has done it, there is a backlog: it
claims other waiting ones of a CA that revokes several with one call and signs one CRL for them.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.contract import RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError
from identity_manager.models import Certificate
from identity_manager.models.lease import BACKLOG_AFTER
from identity_manager.transactions import locking
from identity_manager.transactions.retry_later import retry_certificate_later

GROUP = 250  # certificates that a worker has revoked with one call, at most
ONE_OF = 10  # of so many that are decided together one has a message: its worker takes the others along

Outcome = RevocationOutcome | CaError | None  # None: it has ended, and nobody was asked


@dataclass(frozen=True)
class Claimed:
    """Certificates that this worker holds, under one claim id."""

    claim_id: uuid.UUID
    rows: Sequence[Certificate]

    def retry_later(self, error: Exception) -> None:
        """Release the leases, and schedule a retry of each."""
        for row in self.rows:
            retry_certificate_later(row.pk, self.claim_id, error)


def with_message(rows: Sequence[Certificate]) -> list[Certificate]:
    """Of certificates that are due together, those for which a task is enqueued.

    Its worker claims others at CAs that revoke several with one call; the sweep enqueues the rest.
    """
    if len(rows) <= ONE_OF:
        return list(rows)
    together = [row for row in rows if registry.revokes_together(row.ca)]
    taken_along = {row.pk for number, row in enumerate(together) if number % ONE_OF}
    return [row for row in rows if row.pk not in taken_along]


def claim(certificate_id: uuid.UUID) -> Claimed | None:
    """Claim the certificate if it is due, or a group of those that have waited longest, or nothing.

    Reads before it writes, so that tasks about finished work write nothing.
    """
    now = timezone.now()
    due = Certificate.objects.to_be_revoked().due(now).filter(pk=certificate_id)
    row = due.select_related("profile", "imported").defer("private_key_wrapped").first()
    if row is None or (_has_waited(row, now) and registry.revokes_together(row.ca)):
        return _waiting(now) or _alone(row, now)
    return _alone(row, now)


def _alone(row: Certificate | None, now: datetime) -> Claimed | None:
    if row is None:
        return None
    with transaction.atomic():
        claim_id = Certificate.objects.to_be_revoked().claim(row.pk, now=now)
    return Claimed(claim_id, [row]) if claim_id else None


def _has_waited(row: Certificate, now: datetime) -> bool:
    return row.next_attempt_at is not None and row.next_attempt_at <= now - BACKLOG_AFTER


def _waiting(now: datetime) -> Claimed | None:
    """Claim the longest waiting, with SKIP LOCKED, of CAs that revoke several with one call."""
    quick = [each for each in registry.aliases() if registry.revokes_together(each)]
    rows = (
        Certificate.objects.to_be_revoked()
        .due(now - BACKLOG_AFTER)
        .filter(profile__ca__in=quick, imported=None)
    )
    if not quick or not rows.values("pk")[:1]:
        return None
    with transaction.atomic():
        keys = locking.skip_locked(rows.order_by("next_attempt_at"), limit=GROUP)
        claim_id = Certificate.objects.all().claim_locked_rows(keys, now=now)
    claimed = Certificate.objects.filter(pk__in=keys).select_related("profile", "imported")
    return Claimed(claim_id, list(claimed.defer("private_key_wrapped"))) if keys else None


def ask(rows: Sequence[Certificate]) -> dict[uuid.UUID, Outcome]:
    """Call the CA, outside any transaction; return the outcome for each certificate."""
    now, outcomes = timezone.now(), dict[uuid.UUID, Outcome]()
    of_cas: dict[str, list[Certificate]] = {}
    for row in rows:
        if row.has_ended(now):
            outcomes[row.pk] = None
        else:
            of_cas.setdefault(row.ca, []).append(row)
    for ca, mine in of_cas.items():
        answers = _answers(ca, mine)
        outcomes |= {row.pk: answer for row, answer in zip(mine, answers, strict=True)}
    return outcomes


def _answers(ca: str, rows: Sequence[Certificate]) -> Sequence[Outcome]:
    if not ca:
        return [RevocationOutcome.UNSUPPORTED for _row in rows]
    wanted = [(row.der, RevocationReason(row.revocation_reason)) for row in rows]
    try:
        if len(wanted) > 1:
            return issuing.revoke_many(ca=ca, wanted=wanted)
        ((certificate, reason),) = wanted
        return [issuing.revoke(ca=ca, certificate=certificate, reason=reason)]
    except CaError as error:
        return [error for _row in rows]
