"""One step of the road and no more, for tests that look between two of them."""

import uuid
from datetime import datetime
from functools import partial
from unittest import mock

from ca_bridge import issuing
from ca_bridge.contract import Answer
from ca_bridge.errors import CaError
from identity_manager.models import Certificate
from identity_manager.workflow import step5_issue
from identity_manager.workflow.issuance import claims, drawing, ordering, settlement
from identity_manager.workflow.issuance.claims import ClaimedCertificate

is_due = Certificate.is_due


def _only(certificate_id: uuid.UUID) -> object:
    """Have no other certificate of its token due."""

    def is_it(row: Certificate, now: datetime) -> bool:
        return row.pk == certificate_id and is_due(row, now)

    return mock.patch.object(Certificate, "is_due", is_it)


def issue(certificate_id: uuid.UUID) -> None:
    """Step 5, of this certificate alone; a token that would be sealed with it is due to be sealed."""
    with _only(certificate_id), mock.patch.object(step5_issue, "_sealed", return_value=None):
        step5_issue.issue(certificate_id=certificate_id)


def claim(certificate_id: uuid.UUID) -> ClaimedCertificate | None:
    """The first part of step 5: this certificate with its order, which the CA was not asked for yet."""
    with _only(certificate_id):
        group = claims.claim(certificate_id)
    for token in group.tokens:
        ordering.draw(token)
        ordering.order_alone(token)
    return next((each for token in group.tokens for each in token.claimed), None)


def ask(claimed: ClaimedCertificate) -> Answer | CaError:
    """The part of step 5 in which the CA is asked."""
    return drawing.outcome(partial(issuing.ask, claimed.order_id))


def settle(claimed: ClaimedCertificate, outcome: Answer | CaError) -> None:
    """The last part of step 5."""
    examined = None if isinstance(outcome, CaError) else issuing.examine(claimed.order_id, outcome)
    settlement.settle(
        certificate_id=claimed.row.pk,
        claim_id=claimed.claim_id,
        order_id=claimed.order_id,
        outcome=outcome,
        examined=examined,
    )
