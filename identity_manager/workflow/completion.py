"""Completion of tokens and requests: transitions to active, issued and completed, and the order to seal."""

import uuid
from collections.abc import Iterable

from django.db import models
from django.utils import timezone

from ca_bridge.database.prepared_queries import Statement
from ca_bridge.database.state_machine import save_many
from identity_manager import audit, queue
from identity_manager.models import (
    AuditEvent,
    DeliveryState,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.requests.token_states import TO_BE_ISSUED
from identity_manager.task_names import SEAL
from identity_manager.transactions import locking

_TO_BE_SEALED = Statement[uuid.UUID](
    lambda pk: SoftwareToken.objects.to_be_sealed().filter(pk=pk).values_list("pk", flat=True),
    pk=models.UUIDField(),
)


def activate_if_delivered_and_noted(token: SoftwareToken) -> None:
    """Make a sealed token active where it is delivered and its passphrase acknowledged; complete its request.

    Both verbs call it, because either may come last. What targets alone deliver has nothing to acknowledge.
    The caller has locked the token and its parents.
    """
    delivered = token.delivery in (DeliveryState.SENT, DeliveryState.FETCHED)
    noted = delivered and token.acknowledged_at is not None
    if token.state == TokenState.SEALED and (noted or token.delivery == DeliveryState.AT_TARGETS):
        token.complete()
        token.save()
        complete_request(token)


def complete_request(token: SoftwareToken) -> None:
    """Complete the token's request if it is issued and all its tokens are in a final state."""
    request = token.request
    if request.state == RequestState.ISSUED:
        audit.append(_complete(request, locking.tokens_of(request)))


def _complete(request: TokenRequest, tokens: Iterable[SoftwareToken]) -> list[AuditEvent]:
    if not all(row.is_finished for row in tokens):
        return []
    request.complete(now=timezone.now())
    request.save()
    return [audit.event_about(audit.Event.REQUEST_COMPLETED, actor=None, subject=request)]


def issue_request(token: SoftwareToken) -> list[AuditEvent]:
    """Issue the token's request once none of its tokens is ordered or issuing; complete it if it can be.

    Returns the audit events, for the caller to append together with its own.
    """
    events = issue_requests([token.request])
    return [*events, *_complete(token.request, locking.tokens_of(token.request))] if events else []


def issue_requests(requests: Iterable[TokenRequest]) -> list[AuditEvent]:
    """Issue those of several locked requests that can be; complete none. Returns the audit events."""
    alive = {request.pk: request for request in requests if request.state == RequestState.ISSUING}
    under_way = SoftwareToken.objects.filter(request__in=alive, state__in=TO_BE_ISSUED)
    waiting = set(under_way.values_list("request_id", flat=True)) if alive else set()
    issued = [request for pk, request in alive.items() if pk not in waiting]
    for request in issued:
        request.issue(now=timezone.now())
    save_many(issued)
    return [audit.event_about(audit.Event.REQUEST_ISSUED, actor=None, subject=row) for row in issued]


def is_to_be_sealed(token_id: uuid.UUID) -> bool:
    """Whether a token can be sealed: all its certificates are issued, none on hold, its person Active."""
    return bool(_TO_BE_SEALED.rows(pk=token_id))


def seal_when_complete(token: SoftwareToken) -> None:
    """Enqueue the sealing of a locked token if it can be sealed."""
    if is_to_be_sealed(token.pk):
        token.work_is_due(timezone.now())
        token.save()
        queue.after_commit(SEAL, token.pk)
