"""One step of the road and no more, for tests that look between two of them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from typing import Any
from unittest import mock

from ca_bridge import issuing
from ca_bridge.contract import Answer
from ca_bridge.errors import CaError
from identity_manager.models import Certificate, SoftwareToken
from identity_manager.workflow import step5_issue
from identity_manager.workflow.issuance import claims, drafting, order_journalling, settlement
from identity_manager.workflow.issuance.claims import ClaimedCertificate, ClaimedToken

# The certificate, or the token, that alone is due where there is one; threads have one each.
ONLY: ContextVar[uuid.UUID | None] = ContextVar("ONLY", default=None)
ONLY_TOKEN: ContextVar[uuid.UUID | None] = ContextVar("ONLY_TOKEN", default=None)
is_due, build_token = Certificate.is_due, step5_issue._build_token


def _is_due(row: Certificate, now: datetime) -> bool:
    chosen = ONLY.get() in (None, row.pk) and ONLY_TOKEN.get() in (None, row.token_id)
    return chosen and is_due(row, now)


def _build_token(token: ClaimedToken) -> Any:
    return build_token(token) if ONLY.get() is None else None


mock.patch.object(Certificate, "is_due", _is_due).start()
mock.patch.object(step5_issue, "_build_token", _build_token).start()


@contextmanager
def only(certificate_id: uuid.UUID) -> Iterator[None]:
    """Have no other certificate of its token due, and the token not sealed with it."""
    before = ONLY.set(certificate_id)
    try:
        yield
    finally:
        ONLY.reset(before)


def issue(certificate_id: uuid.UUID) -> None:
    """Step 5, of this certificate alone; a token that would be sealed with it is due to be sealed."""
    with only(certificate_id):
        step5_issue.issue(certificate_id=certificate_id)


def issue_token(token: SoftwareToken) -> None:
    """Steps 5 and 6 of this token alone, as the worker does them: with one claim and one last transaction."""
    before = ONLY_TOKEN.set(token.pk)
    try:
        for certificate in token.certificates.all():
            step5_issue.issue(certificate_id=certificate.pk)
    finally:
        ONLY_TOKEN.reset(before)


def claim(certificate_id: uuid.UUID) -> ClaimedCertificate | None:
    """The first part of step 5: this certificate with its order, which the CA was not asked for yet."""
    with only(certificate_id):
        group = claims.claim(certificate_id)
    group.each_certificate(order_journalling.draft)
    group.each(order_journalling.order_alone)
    return next((each for token in group.tokens for each in token.claimed), None)


def ask(claimed: ClaimedCertificate) -> Answer | CaError:
    """The part of step 5 in which the CA is asked."""
    return drafting.outcome(partial(issuing.ask, claimed.order_id))


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
