"""Lease of a target: one worker at a time serves it; each transaction renews the lease, which fences it."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone

from identity_manager.models import Target
from identity_manager.models.lease import MAX_DELAY, LeaseLost
from identity_manager.targets import connectors
from identity_manager.targets.configuration import TargetConfiguration

LONGEST_SAID = timedelta(days=1)
LEASE = timedelta(minutes=3)  # longer than a group of calls of which each one times out


@dataclass(frozen=True)
class LeasedTarget:
    """A target whose lease this worker holds (claim_id)."""

    row: Target
    configuration: TargetConfiguration
    claim_id: uuid.UUID

    def renew(self) -> None:
        """Extend the lease within the caller's transaction, which it fences.

        Raises LeaseLost, which rolls it back, if another worker has claimed the target.
        """
        if not self._mine().update(leased_until=timezone.now() + LEASE):
            raise LeaseLost

    def settle(self) -> None:
        """Release the lease after all due work, and reset attempts and error."""
        now = timezone.now()
        self._mine().update(
            claim_id=None,
            leased_until=None,
            attempts=0,
            next_attempt_at=now,
            last_error="",
            last_error_at=None,
            served_at=now,
        )

    def pause(self, words: str, *, retry_after: float | None = None) -> None:
        """Release the lease of a target that is down; all its placements wait (exponential backoff).

        The delay doubles with each attempt, up to an hour. retry_after: seconds that the target asked for
        (Retry-After), used instead, up to a day.
        """
        now = timezone.now()
        delay = min(timedelta(seconds=5 * 2 ** min(self.row.attempts - 1, 12)), MAX_DELAY)
        if retry_after is not None:
            delay = min(timedelta(seconds=retry_after), LONGEST_SAID)
        self._mine().update(
            claim_id=None,
            leased_until=None,
            next_attempt_at=now + delay,
            last_error=words,
            last_error_at=now,
        )

    def _mine(self) -> models.QuerySet[Target]:
        return Target.objects.filter(pk=self.row.pk, claim_id=self.claim_id)


def claim(target_id: uuid.UUID) -> LeasedTarget | None:
    """Claim a target that has due work; None if nothing is due or another worker holds the lease."""
    now = timezone.now()
    with transaction.atomic():
        claim_id = Target.objects.with_work(now).claim_through_subquery(target_id, now=now)
        row = Target.objects.get(pk=target_id) if claim_id else None
        configuration = connectors.configuration_of(row.name) if row else None
        if claim_id is None or row is None or configuration is None:
            return None
        leased = LeasedTarget(row, configuration, claim_id)
        leased.renew()
        return leased
