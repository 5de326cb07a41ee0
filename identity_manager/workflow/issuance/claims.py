"""Claim (lease) the certificates of a token that are due, and let go of them.

The token is the unit of work: who claims one takes all its due certificates, each with a claim of its own,
which fences what is settled later; of those whose CA cannot be searched after a crash, one at a time. A
certificate of a silent CA waits, but for a trial now and then. Under load several tokens are claimed
together (group commit).
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from identity_manager.task_names import ISSUE
from identity_manager.transactions import issuance_locks
from identity_manager.transactions.issuance_locks import GROUP
from identity_manager.transactions.retry_later import error_of, retry_certificate_later
from identity_manager.workflow.issuance.drafting import DraftCertificate

WAITED = timedelta(milliseconds=200)  # what is due for longer waits behind others


@dataclass(eq=False)
class ClaimedCertificate:
    """A certificate that this worker has, and how far it has come with it.

    row: as it was read.  draft: the key and order drafted for it.  key: where it was bound just now.
    begun: the order, where it was journalled as asked just now.  outcome: what its CA said.
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
        """The order that is put to its CA. Raises ValueError where nothing was ordered."""
        if self.row.order_id is None:
            raise ValueError("Nothing was ordered.")
        return self.row.order_id

    @property
    def is_issued(self) -> bool:
        """Whether what came is as ordered."""
        return self.examined is not None and self.examined.facts is not None


@dataclass(eq=False)
class ClaimedToken:
    """A token of which this worker has certificates. certificates: all of the token's, as they were read."""

    certificates: list[Certificate]
    claimed: list[ClaimedCertificate]

    @property
    def token(self) -> SoftwareToken:
        return self.certificates[0].token

    @property
    def wanted(self) -> list[Certificate]:
        """What is given to the person: an officer may have left one out."""
        return [row for row in self.certificates if row.left_out_at is None]

    def is_complete(self, now: datetime) -> bool:
        """Whether the token can be sealed with what came: all of it is there, and nothing has ended."""
        came = {each.row: each.examined for each in self.claimed if each.is_issued}
        others = [row for row in self.certificates if row not in came]
        ends = [each.facts.not_after for each in came.values() if each and each.facts]
        ends += [row.not_after for row in others if row.not_after is not None and row.left_out_at is None]
        whole = len(came) == len(self.claimed) and self.token.is_to_be_sealed(others)
        return whole and all(end > now for end in ends)

    def read_again(self) -> None:
        """After somebody else has changed what was read, or this worker has saved other copies of it."""
        with transaction.atomic():
            self.certificates = issuance_locks.certificates_beside(self.certificates[0].pk)
        rows = {row.pk: row for row in self.certificates}
        for each in self.claimed:
            each.row = rows[each.row.pk]


@dataclass
class Group:
    """The tokens that this worker has. What is raised at one of them stands on it, and leaves the others.

    troubled: the CAs that had failed before the claim, by their aliases.  left: what of the token is due and
    was not claimed, because it is put to its CA by itself.
    """

    tokens: list[ClaimedToken]
    troubled: dict[str, CaOutage]
    errors: list[Exception] = field(default_factory=list)
    left: list[uuid.UUID] = field(default_factory=list)

    def each(self, work: Callable[[ClaimedToken], None], *, but: Collection[ClaimedToken] = ()) -> None:
        """Do this with each token, but for some, and let go of those at which it fails."""
        for token in [token for token in self.tokens if token not in but]:
            error = error_of(partial(work, token))
            if error is not None:
                self.tokens.remove(token)
                for each in token.claimed:
                    self._let_go(each, error)

    def each_certificate(
        self, work: Callable[[ClaimedCertificate], None], *, but: Collection[ClaimedToken] = ()
    ) -> None:
        """Do this with each certificate, but for those of some tokens, and let go of those at which it fails.

        Where the task's time is over the rest fares no better; what has an answer by then is settled.
        """
        over: Exception | None = None
        for token in [token for token in self.tokens if token not in but]:
            for each in list(token.claimed):
                error = over or error_of(partial(work, each))
                if isinstance(error, SoftTimeLimitExceeded):
                    over = error
                if error is not None:
                    token.claimed.remove(each)
                    self._let_go(each, error)

    def _let_go(self, each: ClaimedCertificate, error: Exception) -> None:
        self.errors.append(error)
        retry_certificate_later(each.row.pk, each.claim_id, error)

    def finish(self) -> None:
        """Announce the next of what was left; raise the first of the errors, so that the task shows it."""
        if self.left:
            queue.publish(ISSUE, self.left[0])
        if self.errors:
            raise self.errors[0]


def claim(certificate_id: uuid.UUID) -> Group:
    """Claim what is due of the token of this certificate.

    Where that has waited, or somebody else has done it, there is a backlog: other tokens that have waited are
    claimed along, up to GROUP, of CAs that are quick and can be searched.
    """
    troubled, now = circuit_breaker.in_trouble(), timezone.now()
    with transaction.atomic():
        rows = issuance_locks.certificates_beside(certificate_id)
        ready = [row for row in rows if _is_due(row, now)]
        due = _asked_together(ready, certificate_id)
        if not any(row.next_attempt_at > now - WAITED for row in due if row.next_attempt_at):
            more = _waiting_beside(rows, due, now=now, but=troubled)
            rows = issuance_locks.with_shared_parents([*rows, *more])
            due += [row for row in more if _is_due(row, now)]
        passing = circuit_breaker.allow_calls(due, troubled)
        claimed = [ClaimedCertificate(row, row.claim_locked(now)) for row in passing]
        save_many([each.row for each in claimed], fields=("claim_id", "leased_until", "attempts"))
    left = [row.pk for row in ready if row not in due]
    # Where nothing was claimed its CA is silent: two that are put off would announce each other for ever.
    return Group(_tokens_of(claimed, rows), troubled, left=left if claimed else [])


def _asked_together(due: Sequence[Certificate], certificate_id: uuid.UUID) -> list[Certificate]:
    """Those that are put to their CAs before anything is written down: all whose CAs can be searched.

    Of the others one: a crash leaves no more than one order of which nobody can find out whether it was
    issued. The next of them gets a message of its own.
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
    """All certificates of other tokens that have waited, locked; only tokens that are ordered for the first
    time, at CAs that are quick and not in trouble."""
    sizes = {alias: registry.group_size(alias) for alias in registry.aliases()}
    quick = [alias for alias, size in sizes.items() if size > 1 and alias not in but]
    size = min([GROUP, *(sizes.get(row.profile.ca, 1) for row in due), *(sizes[alias] for alias in quick)])
    if not quick or size <= 1:
        return []
    waiting = Certificate.objects.to_be_issued().due(now - WAITED).filter(profile__ca__in=quick, order=None)
    others = waiting.exclude(token__in=[row.token_id for row in rows]).order_by("next_attempt_at")
    found = issuance_locks.free_certificates(others.values_list("token_id", flat=True)[: size - 1])
    slow = {row.token_id for row in found if row.order_id is not None or row.profile.ca not in quick}
    return [row for row in found if row.token_id not in slow]
