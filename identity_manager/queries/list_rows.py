"""Prepared queries of lists: the rows of a page by their keys, which the officer was found to reach.

fields: for only(), of the columns that the list shows. SEARCH for persons has its own (person_lists.py).
"""

import uuid
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from ca_bridge.database.prepared_queries import ForKeys
from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager.models.audit.audit_event import AuditEvent, AuditEventQuerySet
from identity_manager.models.audit.audit_head import AuditHead, HeadKind
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_request import TokenRequest

Fields = tuple[str, ...]


@lru_cache(maxsize=8)
def certificates(fields: Fields) -> ForKeys[Certificate]:
    """Certificates with their person, and what their type and profile are called."""

    def build(keys: list[Any]) -> QuerySet[Certificate]:
        rows = Certificate.objects.filter(pk__in=keys).select_related("token__person")
        rows = rows.annotate(type_name=F("token__token_type__name"), profile_name=F("profile__name"))
        return rows.only(*fields)

    return ForKeys(build, Certificate._meta.pk)


@lru_cache(maxsize=8)
def requests(fields: Fields) -> ForKeys[TokenRequest]:
    """Requests with their person and requester."""
    return ForKeys(
        lambda keys: narrow_requests(TokenRequest.objects.filter(pk__in=keys), fields), TokenRequest._meta.pk
    )


def narrow_requests(rows: QuerySet[TokenRequest], fields: Fields) -> QuerySet[TokenRequest]:
    """Requests with the relations and fields of requests()."""
    return rows.select_related("person", "requested_by").only(*fields)


def prefetch_lines(rows: Iterable[Any]) -> None:
    """Have requests know their tokens (TokenRequest.lines), with what lists show of them."""
    tokens: dict[uuid.UUID, list[SoftwareToken]] = {row.pk: [] for row in rows}
    for token in _LINES.rows(tokens):
        tokens[token.request_id].append(token)
    for row in rows:
        row.listed_tokens = tokens[row.pk]


def narrow_tokens() -> QuerySet[SoftwareToken]:
    """Tokens with what TokenRequest.lines reads of them, and the name of their type."""
    rows = SoftwareToken.objects.with_type_name()
    return rows.only("state", "request", "round", "taken_out_by", "token_type")


@lru_cache(maxsize=8)
def events(fields: Fields) -> ForKeys[AuditEvent]:
    """Events of the audit log, as signed_events has them."""
    return ForKeys(
        lambda keys: signed_events(AuditEvent.objects.filter(pk__in=keys), fields), AuditEvent._meta.pk
    )


def signed_events(rows: AuditEventQuerySet, fields: Fields) -> QuerySet[AuditEvent]:
    """Audit events with persons, objects, and the time of the signature that covers them."""
    heads = AuditHead.objects.filter(kind=HeadKind.HEAD, number__gte=OuterRef("number")).order_by("number")
    rows = rows.with_names().select_related("person", "request").only(*fields)
    return rows.annotate(head_signed_at=Subquery(heads.values("signed_at")[:1]))


def parked_or_surplus(keys: Iterable[str]) -> list[CaOrder]:
    """Of the orders with these idempotency keys those that are parked, or have a surplus certificate."""
    return _PARKED_OR_SURPLUS.rows(keys)


_LINES = ForKeys[SoftwareToken](
    lambda requests: narrow_tokens().filter(request__id__in=requests), TokenRequest._meta.pk
)
_PARKED_OR_SURPLUS = ForKeys[CaOrder](
    lambda keys: CaOrder.objects.filter(
        Q(parked_at__isnull=False) | Exists(SurplusCertificate.objects.filter(order=OuterRef("pk"))),
        idempotency_key__in=keys,
    ),
    models.CharField(),
)
