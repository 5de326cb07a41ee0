"""Claims (leases) on the due certificates of a token.

The token is the unit of work: a worker claims all its due certificates, each with its own claim id, which
fences the settle. Of certificates whose CA cannot be searched after a crash it claims one at a time. While a
circuit breaker is open, certificates of that CA wait, except for a trial now and then. Under load several
tokens are claimed together (group commit).
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.contract import Answer
from ca_bridge.database.state_machine import save_many
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from identity_manager import queue
from identity_manager.authorities import circuit_breaker
from identity_manager.models import CaOutage, Certificate, SoftwareToken
from identity_manager.models.lease import BACKLOG_AFTER
from identity_manager.task_names import ISSUE
from identity_manager.transactions import issuance_locks
from identity_manager.transactions.issuance_locks import GROUP
from identity_manager.transactions.retry_later import error_of, retry_certificate_later
from identity_manager.workflow.issuance.drafting import DraftCertificate


@dataclass(eq=False)
class ClaimedCertificate:
    """A certificate that this worker has leased, with its progress.

    row: as read.  draft: drafted key and order.  key: bound in this run.  begun: the order journalled as
    asked in this run.  outcome: the CA's answer.  examined: the verified certificate.
    """

    row: Certificate
    claim_id: uuid.UUID
    draft: DraftCertificate | None = None
    key: keys.PrivateKey | None = None
    begun: issuing.Begun | None = None
    outcome: Answer | CaError | None = None
    examined: issuing.Examined | None = None

    @property
    def order_id(self) -> uuid.UUID:
        """The order to be sent to the CA. Raises ValueError if there is none."""
        if self.row.order_id is None:
            raise ValueError("Nothing was ordered.")
        return self.row.order_id

    @property
    def is_issued(self) -> bool:
        """Whether the CA has returned a certificate that is as ordered."""
        return self.examined is not None and self.examined.facts is not None


@dataclass(eq=False)
class ClaimedToken:
    """A token with claimed certificates. certificates: all certificates of the token, as read."""

    certificates: list[Certificate]
    claimed: list[ClaimedCertificate]

    @property
    def token(self) -> SoftwareToken:
        return self.certificates[0].token

    @property
    def wanted(self) -> list[Certificate]:
        """The certificates that the person gets: without those that an officer has left out."""
        return [row for row in self.certificates if row.left_out_at is None]

    def is_complete(self, now: datetime) -> bool:
        """Whether the token can be sealed now: all certificates are issued and none has ended."""
        came = {each.row: each.examined for each in self.claimed if each.is_issued}
        others = [row for row in self.certificates if row not in came]
        ends = [each.facts.not_after for each in came.values() if each and each.facts]
        ends += [row.not_after for row in others if row.not_after is not None and row.left_out_at is None]
        whole = len(came) == len(self.claimed) and self.token.is_to_be_sealed(others)
        return whole and all(end > now for end in ends)

    def read_again(self) -> None:
        """Refresh the rows, after somebody else or other instances in this worker have changed them.

        What another worker has claimed meanwhile, because our lease ran out, is left to that worker.
        """
        with transaction.atomic():
            self.certificates = issuance_locks.certificates_beside(self.certificates[0].pk)
        rows = {row.pk: row for row in self.certificates}
        for each in self.claimed:
            each.row = rows[each.row.pk]
        self.claimed = [each for each in self.claimed if each.row.claim_id == each.claim_id]


@dataclass
class ClaimedGroup:
    """The tokens claimed by one task. An error is stored on its certificates; the others stay in the group.

    troubled: CAs (by alias) that had an outage before the claim.  left: due certificates of the
    token that were not claimed, because their CA takes one order at a time.
    """

    tokens: list[ClaimedToken]
    troubled: dict[str, CaOutage]
    errors: list[Exception] = field(default_factory=list)
    left: list[uuid.UUID] = field(default_factory=list)

    def each(self, work: Callable[[ClaimedToken], None], *, but: Collection[ClaimedToken] = ()) -> None:
        """Run `work` for each token except `but`; after an error, settle the token's leases for a retry."""
        for token in [token for token in self.tokens if token not in but]:
            error = error_of(partial(work, token))
            if error is not None:
                self.tokens.remove(token)
                for each in token.claimed:
                    self._retry_later(each, error)

    def each_certificate(
        self, work: Callable[[ClaimedCertificate], None], *, but: Collection[ClaimedToken] = ()
    ) -> None:
        """Run `work` for each certificate but those of `but`; after an error, settle its lease for a retry.

        After the task's soft time limit the rest is released as well; those with an answer are settled.
        """
        over: Exception | None = None
        for token in [token for token in self.tokens if token not in but]:
            for each in list(token.claimed):
                error = over or error_of(partial(work, each))
                if isinstance(error, SoftTimeLimitExceeded):
                    over = error
                if error is not None:
                    token.claimed.remove(each)
                    self._retry_later(each, error)

    def stop(self, error: Exception) -> None:
        """Settle all leases for a retry after an error that concerns all, as the task's soft time limit."""
        for token in self.tokens:
            for each in token.claimed:
                self._retry_later(each, error)
            token.claimed = []

    def _retry_later(self, each: ClaimedCertificate, error: Exception) -> None:
        self.errors.append(error)
        retry_certificate_later(each.row.pk, each.claim_id, error)

    def finish(self) -> None:
        """Enqueue the next certificate that was left; raise the first error, which fails the task."""
        if self.left:
            queue.publish(ISSUE, self.left[0])
        if self.errors:
            raise self.errors[0]


def wake(certificates: Sequence[Certificate]) -> None:
    """Make these certificates of a locked token due now, save them, and enqueue one task for all."""
    for certificate in certificates:
        certificate.work_is_due(timezone.now())
        certificate.save()
    enqueue(certificates)


def enqueue(certificates: Sequence[Certificate]) -> None:
    """Enqueue one task for the due certificates of a token; its worker enqueues those that it leaves."""
    for first in certificates[:1]:
        queue.after_commit(ISSUE, first.pk)


def claim(certificate_id: uuid.UUID) -> ClaimedGroup:
    """Claim the due certificates of this certificate's token, those of CAs without an outage first.

    If they have waited, or another worker has done them, there is a backlog: other waiting tokens are claimed
    as well, up to GROUP, of quick CAs that can be searched.
    """
    troubled, now = circuit_breaker.in_trouble(), timezone.now()
    with transaction.atomic():
        rows = issuance_locks.certificates_beside(certificate_id)
        ready = [row for row in rows if _is_due(row, now)]
        calm = [row for row in ready if row.profile.ca not in troubled]
        due = _asked_together(calm or ready, certificate_id)
        if not any(row.next_attempt_at > now - BACKLOG_AFTER for row in due if row.next_attempt_at):
            more = _waiting_beside(rows, due, now=now, but=troubled)
            rows = issuance_locks.with_shared_parents([*rows, *more])
            due += [row for row in more if _is_due(row, now)]
        passing = circuit_breaker.allow_calls(due, troubled)
        claimed = [ClaimedCertificate(row, row.claim_locked(now)) for row in passing]
        save_many([each.row for each in claimed], fields=("claim_id", "leased_until", "attempts"))
    left = [row.pk for row in ready if row not in due]
    # Nothing claimed: the breaker is open, and two postponed certificates would enqueue each other for ever.
    return ClaimedGroup(_tokens_of(claimed, rows), troubled, left=left if claimed else [])


def _asked_together(due: Sequence[Certificate], certificate_id: uuid.UUID) -> list[Certificate]:
    """Select the certificates to be ordered in one run: all whose CAs can be searched, else one.

    So a crash leaves at most one order whose outcome cannot be looked up. The next one gets its own task.
    """
    searchable = [row for row in due if registry.search_decides(row.profile.ca)]
    others = [row for row in due if row not in searchable]
    own = [row for row in others if row.pk == certificate_id]
    return own or searchable or others[:1]


def _is_due(row: Certificate, now: datetime) -> bool:
    return row.is_to_be_issued and row.is_due(now)


def _tokens_of(claimed: Iterable[ClaimedCertificate], rows: Iterable[Certificate]) -> list[ClaimedToken]:
    tokens: dict[uuid.UUID, ClaimedToken] = {}
    for each in claimed:
        tokens.setdefault(each.row.token_id, ClaimedToken([], [])).claimed.append(each)
    for row in rows:
        if row.token_id in tokens:
            tokens[row.token_id].certificates.append(row)
    return list(tokens.values())


def _waiting_beside(
    rows: Sequence[Certificate], due: Sequence[Certificate], *, now: datetime, but: Collection[str]
) -> list[Certificate]:
    """Lock the certificates of other waiting tokens (SKIP LOCKED): first orders at quick CAs only.

    If the message's own token is not due, another worker has done it: leave that one half of what waits, so
    that both finish a burst at the same time.
    """
    sizes = {alias: registry.group_size(alias) for alias in registry.aliases()}
    quick = [alias for alias, size in sizes.items() if size > 1 and alias not in but]
    size = min([GROUP, *(sizes.get(row.profile.ca, 1) for row in due), *(sizes[alias] for alias in quick)])
    if not quick or size <= 1:
        return []
    waiting = (
        Certificate.objects.to_be_issued().due(now - BACKLOG_AFTER).filter(profile__ca__in=quick, order=None)
    )
    others = waiting.exclude(token__in=[row.token_id for row in rows]).order_by("next_attempt_at")
    tokens = others.values_list("token_id", flat=True)
    wanted = tokens[: size - 1] if due else _half(tokens[: 2 * size])
    found = issuance_locks.free_certificates(wanted)
    slow = {row.token_id for row in found if row.order_id is not None or row.profile.ca not in quick}
    return [row for row in found if row.token_id not in slow]


def _half(waiting: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """The first half of the tokens, at least one if any waits. A token has a row for each certificate."""
    tokens = [*dict.fromkeys(waiting)]
    return tokens[: (len(tokens) + 1) // 2]
