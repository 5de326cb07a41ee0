"""When a token and its request are finished: the last step to come ends them, whichever it is."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models, transaction
from django.utils import timezone

from ca_bridge.database.prepared_queries import Statement
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
    waiting = (TokenState.ORDERED, TokenState.ISSUING)
    request = token.request
    if request.state != RequestState.ISSUING:
        return []
    tokens = locking.tokens_of(request)
    if any(row.state in waiting for row in tokens):
        return []
    request.issue(now=timezone.now())
    request.save()
    happened = audit.event_about(audit.Event.REQUEST_ISSUED, actor=None, subject=request)
    return [happened, *_complete(request, tokens)]


def is_to_be_sealed(token_id: uuid.UUID) -> bool:
    """Whether all of a token is there that is to be sealed, and everybody whom it is about can have it."""
    return bool(_TO_BE_SEALED.rows(pk=token_id))


def seal_when_complete(token: SoftwareToken) -> None:
    """Have a locked token sealed, once all its certificates are there and none is on hold."""
    if is_to_be_sealed(token.pk):
        token.work_is_due(timezone.now())
        token.save()
        queue.after_commit(SEAL, token.pk)


@dataclass(frozen=True)
class Taken:
    """A token that this worker has, to seal it."""

    token_id: uuid.UUID
    claim_id: uuid.UUID


def take_when_complete(token: SoftwareToken) -> Taken | None:
    """The same for who goes on to seal it, and has it from here on. Where they die the sweep takes it up."""
    if not is_to_be_sealed(token.pk):
        return None
    now = timezone.now()
    token.work_is_due(now)
    taken = Taken(token.pk, token.claim_locked(now))
    token.save()
    return taken


def put_off(taken: Taken, error: Exception) -> None:
    """Let go of a token that is still ours. Officers see the error's kind; the worker's log says more."""
    with transaction.atomic():
        token = locking.token(taken.token_id)
        if token.claim_id == taken.claim_id:
            token.settle_later(type(error).__name__, now=timezone.now())
            token.save()
