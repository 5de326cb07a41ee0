"""Software tokens, certificates, revocations; hold and reinstatement. Nothing secret is handed out."""

import uuid
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from identity_manager.api.v1 import answers, filters
from identity_manager.api.v1.answers import Paging
from identity_manager.api.v1.clients import actor_of, needs
from identity_manager.api.v1.idempotency import IdempotencyKey, IfMatch, once
from identity_manager.api.v1.schemas import (
    CertificateOut,
    CertificatePage,
    ReasonIn,
    RevocationIn,
    RevocationPage,
    TokenOut,
    TokenPage,
)
from identity_manager.console.access import requests as access
from identity_manager.console.search import certificates as certificate_list
from identity_manager.console.search.forms import CertificateForm
from identity_manager.models import ApiScope, Certificate, Person, SoftwareToken, TokenState
from identity_manager.transactions import locking
from identity_manager.workflow.revocation import hold, revoke

router = Router(tags=["tokens"])
CertificateFilters: Any = filters.of_form("CertificateFilters", CertificateForm)
READ, WRITE = ApiScope.TOKENS_READ, ApiScope.TOKENS_REVOKE
ETAG = {"x-has-etag": True}


class TokenFilters(Paging):
    """Filters of the list of software tokens."""

    person: uuid.UUID | None = None
    state: TokenState | None = None


@router.get("/tokens", operation_id="listTokens", auth=needs(READ), response=TokenPage)
def list_tokens(request: HttpRequest, asked: Query[TokenFilters]) -> HttpResponse:
    """Software tokens, the newest first."""
    wanted = asked.model_dump(include={"person", "state"}, exclude_none=True)
    rows = _tokens(actor_of(request)).filter(**wanted)
    return answers.page(request, rows, asked, shape=TokenPage, newest=True)


@router.get(
    "/tokens/{uuid:token_id}",
    operation_id="getToken",
    auth=needs(READ),
    response=TokenOut,
    openapi_extra=ETAG,
)
def get_token(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """One software token."""
    return _answer(actor_of(request), token_id)


@router.post(
    "/tokens/{uuid:token_id}/hold",
    operation_id="holdToken",
    auth=needs(WRITE),
    response=TokenOut,
    openapi_extra=ETAG,
)
def hold_token(
    request: HttpRequest, token_id: uuid.UUID, body: ReasonIn, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """Put a software token on hold."""
    verb = partial(hold.put_on_hold, reason=body.reason)
    return once(request, key, _act(request, token_id, verb, if_match=if_match))


@router.post(
    "/tokens/{uuid:token_id}/reinstate",
    operation_id="reinstateToken",
    auth=needs(WRITE),
    response=TokenOut,
    openapi_extra=ETAG,
)
def reinstate_token(
    request: HttpRequest, token_id: uuid.UUID, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """End an administrator's hold."""
    return once(request, key, _act(request, token_id, hold.reinstate, if_match=if_match))


@router.get("/revocations", operation_id="listRevocations", auth=needs(READ), response=RevocationPage)
def list_revocations(request: HttpRequest, asked: Query[Paging]) -> HttpResponse:
    """Decided revocations of certificates, also those that the CA has not carried out yet."""
    rows = _certificates(actor_of(request)).filter(revocation_decided_at__isnull=False)
    return answers.page(request, rows, asked, shape=RevocationPage, newest=True)


@router.post(
    "/revocations",
    operation_id="createRevocation",
    auth=needs(WRITE),
    response={201: TokenOut},
    openapi_extra=ETAG,
)
def create_revocation(
    request: HttpRequest, body: RevocationIn, key: IdempotencyKey, if_match: IfMatch = None
) -> HttpResponse:
    """Revoke a software token: its certificates are revoked at the CA, and it ends."""
    verb = partial(revoke.revoke_token, reason=body.reason, encryption=frozenset(body.encryption))
    status = HTTPStatus.CREATED
    return once(request, key, _act(request, body.token, verb, if_match=if_match, status=status))


@router.get("/certificates", operation_id="listCertificates", auth=needs(READ), response=CertificatePage)
def list_certificates(request: HttpRequest, asked: Query[CertificateFilters]) -> HttpResponse:
    """Certificates, the newest first, filtered as in SEARCH."""
    rows = _without_secrets(filters.found(request, certificate_list.CERTIFICATE, asked))
    return answers.page(request, rows, asked, shape=CertificatePage, newest=True)


@router.get(
    "/certificates/{uuid:certificate_id}",
    operation_id="getCertificate",
    auth=needs(READ),
    response=CertificateOut,
    openapi_extra=ETAG,
)
def get_certificate(request: HttpRequest, certificate_id: uuid.UUID) -> HttpResponse:
    """One certificate."""
    row = get_object_or_404(_certificates(actor_of(request)), pk=certificate_id)
    return answers.one(CertificateOut, row, version=row.version)


def _tokens(actor: Person) -> QuerySet[SoftwareToken]:
    rows = SoftwareToken.objects.filter(request__in=access.visible_requests(actor))
    return rows.defer("passphrase_wrapped", "snapshot")


def _certificates(actor: Person) -> QuerySet[Certificate]:
    return _without_secrets(access.visible_certificates(actor))


def _without_secrets(rows: QuerySet[Certificate]) -> QuerySet[Certificate]:
    rows = rows.select_related("profile", "token").defer("private_key_wrapped", "certificate")
    return rows.defer("token__passphrase_wrapped", "token__snapshot")


def _act(
    request: HttpRequest,
    token_id: uuid.UUID,
    verb: Callable[..., object],
    *,
    if_match: str | None,
    status: int = HTTPStatus.OK,
) -> Callable[[], HttpResponse]:
    """The verb on one software token, which the client reaches and nobody has changed since it was read."""
    actor = actor_of(request)

    def act() -> HttpResponse:
        found = get_object_or_404(_tokens(actor).only("pk"), pk=token_id)
        if if_match is not None:
            answers.check_version(if_match, locking.token(found.pk).version)
        verb(actor=actor, token_id=found.pk)
        return _answer(actor, found.pk, status=status)

    return act


def _answer(actor: Person, token_id: uuid.UUID, *, status: int = HTTPStatus.OK) -> HttpResponse:
    row = get_object_or_404(_tokens(actor), pk=token_id)
    return answers.one(TokenOut, row, status=status, version=row.version)
