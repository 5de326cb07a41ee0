"""Requests: list, ask for a person, renew, replace, cancel. Nobody approves or accepts here."""

import uuid
from http import HTTPStatus
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from identity_manager.api.v1 import answers, filters
from identity_manager.api.v1.clients import actor_of, needs
from identity_manager.api.v1.idempotency import IdempotencyKey, IfMatch, once
from identity_manager.api.v1.schemas import (
    ReasonIn,
    RenewalIn,
    ReplacementIn,
    ReplacementOut,
    RequestIn,
    RequestOut,
    RequestPage,
)
from identity_manager.console.access import persons as person_access
from identity_manager.console.access import requests as access
from identity_manager.console.search import requests as request_list
from identity_manager.console.search.forms import RequestForm
from identity_manager.models import ApiScope, SoftwareToken, TokenRequest
from identity_manager.transactions import locking
from identity_manager.workflow import step1_enable, step1_renew, step1_replace
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.step1_replace import ReplacementOrder

router = Router(tags=["requests"])
RequestFilters: Any = filters.of_form("RequestFilters", RequestForm)
WRITE = ApiScope.REQUESTS_WRITE
ETAG = {"x-has-etag": True}


@router.get(
    "/requests", operation_id="listRequests", auth=needs(ApiScope.REQUESTS_READ), response=RequestPage
)
def list_requests(request: HttpRequest, asked: Query[RequestFilters]) -> HttpResponse:
    """Requests, the newest first, filtered as in SEARCH."""
    rows = _with_lines(filters.found(request, request_list.REQUEST, asked))
    return answers.page(request, rows, asked, shape=RequestPage, newest=True)


@router.get(
    "/requests/{uuid:request_id}",
    operation_id="getRequest",
    auth=needs(ApiScope.REQUESTS_READ),
    response=RequestOut,
    openapi_extra=ETAG,
)
def get_request(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """One request."""
    found = get_object_or_404(access.visible_requests(actor_of(request)).only("pk"), pk=request_id)
    return _answer(found.pk)


@router.post(
    "/requests",
    operation_id="createRequest",
    auth=needs(WRITE),
    response={201: RequestOut},
    openapi_extra=ETAG,
)
def create_request(request: HttpRequest, body: RequestIn, key: IdempotencyKey) -> HttpResponse:
    """Ask for software tokens for a person, as **Enable** does."""
    actor = actor_of(request)

    def act() -> HttpResponse:
        person = get_object_or_404(person_access.visible_persons(actor).only("pk"), pk=body.person)
        types = eligibility.types_of_codes(body.types)
        made = step1_enable.enable(actor=actor, person_id=person.pk, type_ids=types, purpose=body.purpose)
        return _answer(made.pk, status=HTTPStatus.CREATED)

    return once(request, key, act)


@router.post(
    "/renewals",
    operation_id="createRenewal",
    auth=needs(WRITE),
    response={201: RequestOut},
    openapi_extra=ETAG,
)
def create_renewal(request: HttpRequest, body: RenewalIn, key: IdempotencyKey) -> HttpResponse:
    """Ask for the renewal of a software token; its person accepts the terms."""
    actor = actor_of(request)

    def act() -> HttpResponse:
        rows = SoftwareToken.objects.filter(request__in=access.visible_requests(actor))
        token = get_object_or_404(rows.only("pk"), pk=body.token)
        made = step1_renew.renew_for(actor=actor, token_id=token.pk, of_batch=False)
        return _answer(made.pk, status=HTTPStatus.CREATED)

    return once(request, key, act)


@router.post(
    "/replacements",
    operation_id="createReplacement",
    auth=needs(ApiScope.TOKENS_REVOKE, WRITE),
    response={201: ReplacementOut},
)
def create_replacement(request: HttpRequest, body: ReplacementIn, key: IdempotencyKey) -> HttpResponse:
    """Revoke software tokens of a person, all or one, and ask for new ones; the person accepts the terms."""
    actor = actor_of(request)

    def act() -> HttpResponse:
        person = get_object_or_404(person_access.visible_persons(actor).only("pk"), pk=body.person)
        order = ReplacementOrder(
            cause=body.cause, only=body.token, shown=body.tokens, encryption=frozenset(body.encryption)
        )
        made = step1_replace.replace_for(actor=actor, person_id=person.pk, order=order)
        address = f"/api/v1/requests/{made.request.pk}" if made.request else ""
        said = {"ended": [token.pk for token in made.ended], "request": made.request and made.request.pk}
        return answers.one(ReplacementOut, said, status=HTTPStatus.CREATED, address=address)

    return once(request, key, act)


@router.post(
    "/requests/{uuid:request_id}/cancel",
    operation_id="cancelRequest",
    auth=needs(WRITE),
    response=RequestOut,
    openapi_extra=ETAG,
)
def cancel_request(
    request: HttpRequest, request_id: uuid.UUID, body: ReasonIn, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """Cancel a request that is not issued yet."""
    actor = actor_of(request)

    def act() -> HttpResponse:
        found = get_object_or_404(access.visible_requests(actor).only("pk"), pk=request_id)
        answers.check_version(if_match, locking.request(found.pk).version)
        cancellation.cancel(actor=actor, request_id=found.pk, reason=body.reason)
        return _answer(found.pk)

    return once(request, key, act)


def _with_lines(rows: QuerySet[TokenRequest]) -> QuerySet[TokenRequest]:
    tokens = SoftwareToken.objects.defer("passphrase_wrapped", "snapshot")
    return rows.prefetch_related(Prefetch("tokens", tokens))


def _answer(request_id: uuid.UUID, *, status: int = HTTPStatus.OK) -> HttpResponse:
    """The request, which the client reaches."""
    row = _with_lines(TokenRequest.objects.all()).get(pk=request_id)
    made = status == HTTPStatus.CREATED
    address = f"/api/v1/requests/{row.pk}" if made else ""
    return answers.one(RequestOut, row, status=status, version=row.version, address=address)
