"""Real requests in the states that a stock is copied from, made by the verbs."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.models import CaAttempt, CaOrder
from identity_manager.audit import sealing
from identity_manager.models import (
    AuditEvent,
    AuditSalt,
    Certificate,
    MailState,
    OutgoingMail,
    Person,
    SoftwareToken,
    TermsAcceptance,
    TokenRequest,
)
from identity_manager.people import anonymisation
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.requests import lapse
from tests.performance.people import employees, enabled
from tests.tools import cast

EVENTS_EACH = 10


@dataclass
class Template:
    """What one request left in each table. places: the number of each row, which makes its copies' keys."""

    person_id: uuid.UUID
    began: datetime
    rows: dict[type[models.Model], list[models.Model]]
    places: dict[Any, int]
    events: list[AuditEvent]


def make() -> dict[str, Template]:
    """One request in each of the states, for the first persons of the crowd."""
    persons = iter(employees()[:10])
    makers = {
        "completed": lambda: completed(next(persons)),
        "lapsed": lambda: lapsed(next(persons)),
        "awaiting": lambda: enabled(next(persons), "encryption"),
        "failed": lambda: cast.failed(cast.accepted(enabled(next(persons), "vpn"))),
        "requested": lambda: enabled(next(persons), "signature"),
    }
    requests = {name: maker() for name, maker in makers.items()}
    for request in requests.values():
        for mail in request.mails.filter(state=MailState.QUEUED):
            step7_deliver.send(mail_id=mail.pk)
    sealing.seal()
    return {name: _template(request) for name, request in requests.items()}


def completed(person: Person) -> TokenRequest:
    """Three tokens, each delivered and noted."""
    request = cast.issued(cast.accepted(enabled(person, "authentication", "encryption", "vpn")))
    for token in request.tokens.all():
        cast.noted(token)
    return cast.delivered(request)


def lapsed(person: Person) -> TokenRequest:
    request = cast.overdue(enabled(person, "encryption"))
    lapse.lapse_request(request_id=request.pk)
    return TokenRequest.objects.get(pk=request.pk)


def _template(request: TokenRequest) -> Template:
    request = TokenRequest.objects.get(pk=request.pk)
    of_request, of_token = Q(request=request), Q(token__request=request)
    certificates = list(Certificate.objects.filter(of_token))
    orders = list(CaOrder.objects.filter(pk__in=[each.order_id for each in certificates]))
    events = _some(list(AuditEvent.objects.filter(request=request).order_by("pk")))
    rows: dict[type[models.Model], list[Any]] = {
        AuditSalt: list(AuditSalt.objects.filter(person=request.person_id)),
        TokenRequest: [request],
        SoftwareToken: list(SoftwareToken.objects.filter(of_request)),
        CaOrder: orders,
        CaAttempt: list(CaAttempt.objects.filter(order__in=orders)),
        IssuedCertificate: list(
            IssuedCertificate.objects.filter(request_id__in=[order.idempotency_key for order in orders])
        ),
        Certificate: certificates,
        TermsAcceptance: list(TermsAcceptance.objects.filter(of_request)),
        OutgoingMail: list(OutgoingMail.objects.filter(of_request)),
        AuditEvent: events,
    }
    keys = [row.pk for model, found in rows.items() if model is not AuditSalt for row in found]
    if request.state == "completed":
        _forget(rows)
    places = {key: place for place, key in enumerate(keys)}
    return Template(request.person_id, request.created_at, rows, places, events)


def _some(events: list[AuditEvent]) -> list[AuditEvent]:
    """As many as each request has on the average, spread over its whole life."""
    step = max(1, len(events) // EVENTS_EACH)
    return events[::step][:EVENTS_EACH]


def _forget(rows: dict[type[models.Model], list[Any]]) -> None:
    """What a request of long ago does not have any more."""
    for token in rows[SoftwareToken]:
        token.snapshot = anonymisation.without_person(token.snapshot)
    for order in rows[CaOrder]:
        order.content, order.chain_base64 = {}, []
