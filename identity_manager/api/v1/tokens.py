"""Software tokens, certificates, revocations; hold and reinstatement. Nothing secret is handed out."""

import uuid
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
    """Which software tokens."""

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
    actor = actor_of(request)

    def act() -> HttpResponse:
        _check(actor, token_id, if_match)
        hold.put_on_hold(actor=actor, token_id=token_id, reason=body.reason)
        return _answer(actor, token_id)

    return once(request, key, act)


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
    actor = actor_of(request)

    def act() -> HttpResponse:
        _check(actor, token_id, if_match)
        hold.reinstate(actor=actor, token_id=token_id)
        return _answer(actor, token_id)

    return once(request, key, act)


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
    actor = actor_of(request)

    def act() -> HttpResponse:
        _check(actor, body.token, if_match)
        revoke.revoke_token(
            actor=actor, token_id=body.token, reason=body.reason, encryption=frozenset(body.encryption)
        )
        return _answer(actor, body.token, status=HTTPStatus.CREATED)

    return once(request, key, act)


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


def _check(actor: Person, token_id: uuid.UUID, if_match: str | None) -> None:
    """404 for a token that the client does not reach, 412 for one that was changed since it was read."""
    found = get_object_or_404(_tokens(actor).only("pk"), pk=token_id)
    if if_match is not None:
        answers.check_version(if_match, locking.token(found.pk).version)


def _answer(actor: Person, token_id: uuid.UUID, *, status: int = HTTPStatus.OK) -> HttpResponse:
    row = get_object_or_404(_tokens(actor), pk=token_id)
    return answers.one(TokenOut, row, status=status, version=row.version)
