"""Batch orders: place one, read what its dry run says, start, pause, resume, cancel. Nobody confirms here."""

import uuid
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from identity_manager.api.v1 import answers
from identity_manager.api.v1.answers import Paging
from identity_manager.api.v1.clients import actor_of, client_of, needs, require_scopes
from identity_manager.api.v1.idempotency import IdempotencyKey, IfMatch, once
from identity_manager.api.v1.schemas import BatchIn, BatchLinePage, BatchOut, BatchPage, StartIn
from identity_manager.console.access import batches as access
from identity_manager.models import ApiScope, BatchKind, BatchLine, BatchOrder, BatchSource, Person
from identity_manager.models.identifiers import new_id
from identity_manager.transactions import locking
from identity_manager.workflow.batch import orders, placing
from identity_manager.workflow.policy import eligibility

router = Router(tags=["batch orders"])
READ, WRITE = ApiScope.REQUESTS_READ, ApiScope.BATCH_WRITE
# An order does for many what a call does for one, and takes the scopes of that call beside its own.
SCOPES = {
    BatchKind.ENABLE: (WRITE, ApiScope.REQUESTS_WRITE),
    BatchKind.RENEW: (WRITE, ApiScope.REQUESTS_WRITE),
    BatchKind.CANCEL: (WRITE, ApiScope.REQUESTS_WRITE),
    BatchKind.REVOKE: (WRITE, ApiScope.TOKENS_REVOKE),
    BatchKind.HOLD: (WRITE, ApiScope.TOKENS_REVOKE),
    BatchKind.REINSTATE: (WRITE, ApiScope.TOKENS_REVOKE),
    BatchKind.REPLACE: (WRITE, ApiScope.TOKENS_REVOKE, ApiScope.REQUESTS_WRITE),
}
ETAG = {"x-has-etag": True}
Verb = Callable[..., BatchOrder]


@router.get("/batch-orders", operation_id="listBatchOrders", auth=needs(READ), response=BatchPage)
def list_batch_orders(request: HttpRequest, asked: Query[Paging]) -> HttpResponse:
    """Batch orders, the newest first."""
    rows = access.visible_batches(actor_of(request))
    return answers.page(request, rows, asked, shape=BatchPage, newest=True)


@router.get(
    "/batch-orders/{uuid:order_id}",
    operation_id="getBatchOrder",
    auth=needs(READ),
    response=BatchOut,
    openapi_extra=ETAG,
)
def get_batch_order(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """One batch order; counts has the outcome of its dry run, then of its lines."""
    return _answer(actor_of(request), order_id)


@router.get(
    "/batch-orders/{uuid:order_id}/lines",
    operation_id="listBatchLines",
    auth=needs(READ),
    response=BatchLinePage,
)
def list_batch_lines(request: HttpRequest, order_id: uuid.UUID, asked: Query[Paging]) -> HttpResponse:
    """The lines of a batch order."""
    order = get_object_or_404(access.visible_batches(actor_of(request)), pk=order_id)
    return answers.page(request, BatchLine.objects.filter(order=order), asked, shape=BatchLinePage)


@router.post(
    "/batch-orders",
    operation_id="createBatchOrder",
    auth=needs(WRITE),
    response={201: BatchOut},
    openapi_extra=ETAG,
)
def create_batch_order(request: HttpRequest, body: BatchIn, key: IdempotencyKey) -> HttpResponse:
    """Place a batch order: its dry run begins. Nothing is done before it is started.

    Takes the scopes of the calls for one as well: `requests:write` to enable, renew or cancel,
    `tokens:revoke` to revoke, hold or reinstate, both to replace.
    """
    actor = actor_of(request)
    require_scopes(client_of(request), SCOPES.get(body.kind, (WRITE,)))

    def act() -> HttpResponse:
        wanted = placing.BatchOrderInput(
            source=BatchSource.SELECTION,
            chosen=body.chosen,
            types=eligibility.types_of_codes(body.types) if body.types else (),
            kind=body.kind,
            chosen_as=body.chosen_as,
            accept_partial=body.accept_partial,
            options=body.options.model_dump(exclude_none=True),
            note=body.note,
            purpose=body.purpose,
        )
        order = placing.place_order(actor=actor, order_id=new_id(), wanted=wanted)
        return _answer(actor, order.pk, status=HTTPStatus.CREATED)

    return once(request, key, act)


@router.post(
    "/batch-orders/{uuid:order_id}/start",
    operation_id="startBatchOrder",
    auth=needs(WRITE),
    response=BatchOut,
    openapi_extra=ETAG,
)
def start_batch_order(
    request: HttpRequest, order_id: uuid.UUID, body: StartIn, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """Carry out what the dry run found; above the breaker's limit a second officer confirms it first."""
    verb = partial(orders.start, note=body.note)
    return once(request, key, _act(request, order_id, verb, if_match=if_match))


@router.post(
    "/batch-orders/{uuid:order_id}/pause",
    operation_id="pauseBatchOrder",
    auth=needs(WRITE),
    response=BatchOut,
    openapi_extra=ETAG,
)
def pause_batch_order(
    request: HttpRequest, order_id: uuid.UUID, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """Pause; what is done stays done."""
    return once(request, key, _act(request, order_id, orders.pause, if_match=if_match))


@router.post(
    "/batch-orders/{uuid:order_id}/resume",
    operation_id="resumeBatchOrder",
    auth=needs(WRITE),
    response=BatchOut,
    openapi_extra=ETAG,
)
def resume_batch_order(
    request: HttpRequest, order_id: uuid.UUID, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """Resume what was paused."""
    return once(request, key, _act(request, order_id, orders.resume, if_match=if_match))


@router.post(
    "/batch-orders/{uuid:order_id}/cancel",
    operation_id="cancelBatchOrder",
    auth=needs(WRITE),
    response=BatchOut,
    openapi_extra=ETAG,
)
def cancel_batch_order(
    request: HttpRequest, order_id: uuid.UUID, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """Cancel; what is done stays done."""
    return once(request, key, _act(request, order_id, orders.cancel, if_match=if_match))


def _act(
    request: HttpRequest, order_id: uuid.UUID, verb: Verb, *, if_match: str | None
) -> Callable[[], HttpResponse]:
    """The verb on one order of the client's own."""
    actor = client_of(request).actor

    def act() -> HttpResponse:
        found = get_object_or_404(access.visible_batches(actor).filter(asked_by=actor), pk=order_id)
        answers.check_version(if_match, locking.batch_order(found.pk).version)
        verb(actor=actor, order_id=found.pk)
        return _answer(actor, found.pk)

    return act


def _answer(actor: Person, order_id: uuid.UUID, *, status: int = HTTPStatus.OK) -> HttpResponse:
    order: Any = get_object_or_404(access.visible_batches(actor), pk=order_id)
    order.counts = order.counts or {
        name: number for name, number in orders.counts_of(order).items() if number
    }
    address = f"/api/v1/batch-orders/{order.pk}" if status == HTTPStatus.CREATED else ""
    return answers.one(BatchOut, order, status=status, version=order.version, address=address)
