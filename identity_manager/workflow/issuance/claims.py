"""Claim (lease) the certificates of a token that are due, and let go of them.

The token is the unit of work: who claims one takes all its due certificates, each with a claim of its own,
which fences what is settled later. A certificate of a silent CA waits, but for a trial now and then.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.contract import Answer
from ca_bridge.database.state_machine import save_many
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from identity_manager.authorities import circuit_breaker
from identity_manager.models import CaOutage, Certificate, SoftwareToken
from identity_manager.transactions import locking
from identity_manager.transactions.retry_later import error_of, retry_certificate_later
from identity_manager.workflow.issuance.drawing import Drawn


@dataclass(eq=False)
class ClaimedCertificate:
    """A certificate that this worker has, and how far it has come with it.

    row: as it was read.  drawn: the key and order drawn up for it.  key: where it was bound just now.
    begun: the order, where it was journalled as asked just now.  outcome: what its CA said.
    """

    row: Certificate
    claim_id: uuid.UUID
    drawn: Drawn | None = None
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
            self.certificates = locking.certificates_beside(self.certificates[0].pk)
        rows = {row.pk: row for row in self.certificates}
        for each in self.claimed:
            each.row = rows[each.row.pk]


@dataclass
class Group:
    """The tokens that this worker has. What is raised at one of them stands on it, and leaves the others.

    troubled: the CAs that had failed before the claim, by their aliases.
    """

    tokens: list[ClaimedToken]
    troubled: dict[str, CaOutage]
    errors: list[Exception] = field(default_factory=list)

    def each(self, work: Callable[[ClaimedToken], None]) -> None:
        """Do this with each token, and let go of those at which it fails."""
        for token in list(self.tokens):
            error = error_of(partial(work, token))
            if isinstance(error, SoftTimeLimitExceeded):  # no other token fares better
                for other in list(self.tokens):
                    self._drop(other, error)
                raise error
            if error is not None:
                self._drop(token, error)

    def _drop(self, token: ClaimedToken, error: Exception) -> None:
        self.tokens.remove(token)
        self.errors.append(error)
        for each in token.claimed:
            retry_certificate_later(each.row.pk, each.claim_id, error)

    def finish(self) -> None:
        """Raise the first of the errors, so that the task shows it."""
        if self.errors:
            raise self.errors[0]


def claim(certificate_id: uuid.UUID) -> Group:
    """Claim what is due of the token of this certificate; of none, where nothing is."""
    troubled, now = circuit_breaker.in_trouble(), timezone.now()
    with transaction.atomic():
        rows = locking.certificates_beside(certificate_id)
        due = [row for row in rows if row.is_to_be_issued and row.is_due(now)]
        passing = circuit_breaker.allow_calls(due, troubled)
        claimed = [ClaimedCertificate(row, row.claim_locked(now)) for row in passing]
        save_many([each.row for each in claimed], fields=("claim_id", "leased_until", "attempts"))
    return Group([ClaimedToken(rows, claimed)] if claimed else [], troubled)
