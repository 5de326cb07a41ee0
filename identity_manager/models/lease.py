"""Leases: columns and queries of rows that a worker processes outside a transaction, with retry times."""

import logging
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from identity_manager.models.words import Vocabulary, Words
from identity_manager.telemetry import correlation
from identity_manager.vault.key_encryption import KeyServiceDown, KeyVersionClosed

# Stored as the class's name, as every unexpected exception is (transactions/retry_later.py).
NO_KEY_SERVICE, KEY_CLOSED = KeyServiceDown.__name__, KeyVersionClosed.__name__
ERRORS = Vocabulary(
    "errors of work",
    {
        NO_KEY_SERVICE: _("The key service does not answer. As soon as it does, this is tried again."),
        KEY_CLOSED: _(
            "The key service does not open the key version that this needs. It is tried again each hour."
        ),
    },
)

MAX_DELAY = timedelta(hours=1)
REQUEUE_INTERVAL = timedelta(minutes=1)
BACKLOG_AFTER = timedelta(milliseconds=200)  # rows that are due for longer wait behind others

Row = TypeVar("Row", bound=models.Model, covariant=True)


class LeaseLost(Exception):  # noqa: N818 an answer, not a fault
    """The claim does not hold any more: another worker has the row, or an officer has stopped its work."""


class LeasedQuerySet(models.QuerySet[Row]):
    """Rows of a Leased model."""

    def due(self, now: datetime) -> Self:
        """Rows without a live lease whose next attempt is due."""
        return self.unleased(now).filter(next_attempt_at__lte=now)

    def unleased(self, now: datetime) -> Self:
        """Rows without a live lease, due or not. A worker that outlived its lease was interrupted."""
        return self.filter(Q(leased_until=None) | Q(leased_until__lte=now))

    def claim(self, pk: uuid.UUID, *, now: datetime) -> uuid.UUID | None:
        """Lease one due row by a conditional UPDATE of the lease columns alone.

        Returns the claim id, or None when the row is not due or another worker holds it. For
        querysets that join other tables use claim_through_subquery.
        """
        claim = uuid.uuid4()
        changed = (
            self.due(now)
            .filter(pk=pk)
            .update(
                claim_id=claim,
                leased_until=lease_end(now),
                attempts=F("attempts") + 1,
            )
        )
        return claim if changed else None

    def claim_locked_rows(self, keys: Collection[uuid.UUID], *, now: datetime) -> uuid.UUID:
        """Lease rows that the caller has locked, under one claim id, which is returned."""
        claim = uuid.uuid4()
        self.filter(pk__in=keys).update(
            claim_id=claim, leased_until=lease_end(now), attempts=F("attempts") + 1
        )
        return claim

    def claim_through_subquery(self, pk: uuid.UUID, *, now: datetime) -> uuid.UUID | None:
        """As claim(), for querysets that join other tables.

        Django turns an UPDATE over joins into one over the keys found before; after waiting for the
        row lock it would overwrite another worker's lease. So the lease condition stands outside the
        subquery.
        """
        found = self.filter(pk=pk).values("pk")
        return type(self)(self.model).filter(pk__in=found).claim(pk, now=now)

    def waiting_for_keys(self) -> Self:
        """Rows whose last attempt found no answer of the key service or HSM."""
        return self.filter(next_attempt_at__isnull=False, last_error=NO_KEY_SERVICE)

    def waiting_for_key_versions(self) -> Self:
        """Rows whose last attempt needed a key version that the key service or HSM does not open."""
        return self.filter(next_attempt_at__isnull=False, last_error=KEY_CLOSED)

    def to_be_requeued(self, now: datetime, *, quiet_since: datetime | None = None) -> Self:
        """Due rows that were not published within REQUEUE_INTERVAL (or since then), oldest first."""
        since = now - REQUEUE_INTERVAL if quiet_since is None else quiet_since
        quiet = Q(nudged_at=None) | Q(nudged_at__lte=since)
        return self.due(now).filter(quiet).order_by("next_attempt_at")


def lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)


class Leased(models.Model):
    """Columns of a lease. next_attempt_at is null while there is nothing to do."""

    claim_id = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    next_attempt_at = models.DateTimeField(null=True, editable=False)
    nudged_at = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def error_in_words(self) -> Words:
        """The last error, for people; most errors stand for themselves."""
        return ERRORS.in_words(self.last_error)

    def is_leased(self, now: datetime) -> bool:
        """Whether a worker has the lease."""
        return self.leased_until is not None and self.leased_until > now

    def is_due(self, now: datetime) -> bool:
        """As `LeasedQuerySet.due`, of a row that was read."""
        planned = self.next_attempt_at
        return not self.is_leased(now) and planned is not None and planned <= now

    def work_is_due(self, now: datetime) -> None:
        """Schedule work for now and reset the attempts."""
        self.next_attempt_at = now
        self.attempts = 0
        self.nudged_at = None

    def claim_locked(self, now: datetime) -> uuid.UUID:
        """Lease a row that the caller has locked and will save; return the claim id."""
        self.claim_id, self.leased_until = uuid.uuid4(), lease_end(now)
        self.attempts += 1
        return self.claim_id

    def let_go(self) -> None:
        """Release the lease without a result; due work stays due."""
        self.claim_id = self.leased_until = None

    def settle_lease(self) -> None:
        """End the lease: the work is done and nothing is due."""
        self.claim_id = self.leased_until = self.next_attempt_at = None
        self.last_error = ""
        self.last_error_at = None

    def settle_later(
        self, error: str, *, now: datetime, not_before: datetime | None = None, code: str = ""
    ) -> None:
        """End the lease after a transient fault; retry after 5 s, doubled at each attempt, at most 1 h.

        code: what the log names the fault by.
        """
        delay = min(timedelta(seconds=5 * 2 ** min(self.attempts - 1, 12)), MAX_DELAY)
        self.claim_id = self.leased_until = None
        self.next_attempt_at = not_before or now + delay
        self.last_error = error
        self.last_error_at = now if error else None
        level = logging.WARNING if code else logging.INFO
        correlation.set_result(f"put off: {code}" if code else "put off", level=level)


# Renewed with each chunk of persons, which takes far less; short, so that work resumes soon after a crash.
BRIEF_LEASE = timedelta(seconds=30)


class BrieflyLeasedQuerySet(LeasedQuerySet[Row]):
    """Rows with a short lease: batch orders and their shards."""

    def claim(self, pk: uuid.UUID, *, now: datetime) -> uuid.UUID | None:
        """As LeasedQuerySet.claim, with the short BRIEF_LEASE of batch orders."""
        claim = super().claim(pk, now=now)
        if claim is not None:
            self.filter(pk=pk, claim_id=claim).update(leased_until=now + BRIEF_LEASE)
        return claim
