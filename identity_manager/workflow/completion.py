"""When a token and its request are finished: the last step to come ends them, whichever it is."""

import uuid
from collections.abc import Iterable

from django.db import models, transaction
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
from identity_manager.task_names import SEAL
from identity_manager.transactions import locking

_TO_BE_SEALED = Statement[uuid.UUID](
    lambda pk: SoftwareToken.objects.to_be_sealed().filter(pk=pk).values_list("pk", flat=True),
    pk=models.UUIDField(),
)


def activate_if_delivered_and_noted(token: SoftwareToken) -> None:
    """Delivered and acknowledged are independent; whichever comes last makes a sealed token active.

    The token and its parents are locked by the caller.
    """
    delivered = token.delivery in (DeliveryState.SENT, DeliveryState.FETCHED)
    if token.state == TokenState.SEALED and delivered and token.acknowledged_at is not None:
        token.complete()
        token.save()
        complete_request(token)


def complete_request(token: SoftwareToken) -> None:
    """An issued request is completed when its last token is finished, one way or the other."""
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
    """A request is issued when none of its tokens is on the way to be sealed any more.

    Returns what happened, which the caller appends to the log with what it has to tell itself.
    """
    events = issue_requests([token.request])
    return [*events, *_complete(token.request, locking.tokens_of(token.request))] if events else []


def issue_requests(requests: Iterable[TokenRequest]) -> list[AuditEvent]:
    """The same for several locked requests, none of which is completed by it."""
    alive = {request.pk: request for request in requests if request.state == RequestState.ISSUING}
    under_way = SoftwareToken.objects.filter(
        request__in=alive, state__in=(TokenState.ORDERED, TokenState.ISSUING)
    )
    waiting = set(under_way.values_list("request_id", flat=True)) if alive else set()
    issued = [request for pk, request in alive.items() if pk not in waiting]
    for request in issued:
        request.issue(now=timezone.now())
    save_many(issued)
    return [audit.event_about(audit.Event.REQUEST_ISSUED, actor=None, subject=row) for row in issued]


def is_to_be_sealed(token_id: uuid.UUID) -> bool:
    """Whether all of a token is there that is to be sealed, and everybody whom it is about can have it."""
    return bool(_TO_BE_SEALED.rows(pk=token_id))


def seal_when_complete(token: SoftwareToken) -> None:
    """Have a locked token sealed, once all its certificates are there and none is on hold."""
    if is_to_be_sealed(token.pk):
        token.work_is_due(timezone.now())
        token.save()
        queue.after_commit(SEAL, token.pk)


def put_off(token_id: uuid.UUID, claim_id: uuid.UUID, error: Exception) -> None:
    """Let go of a token that is still ours. Officers see the error's kind; the worker's log says more."""
    with transaction.atomic():
        token = locking.token(token_id)
        if token.claim_id == claim_id:
            token.settle_later(type(error).__name__, now=timezone.now())
            token.save()
