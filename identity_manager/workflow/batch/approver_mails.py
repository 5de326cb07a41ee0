"""Mails to approvers and administrators about all requests of a batch order together (ADR 29).

Sent when the order ends or is stopped, by whoever ends or stops it. An hourly job mails approvers who were
not, for example because they were asked later.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from identity_manager.mail import outbox
from identity_manager.mail.messages import batch_messages
from identity_manager.models import (
    Approval,
    AskedApprover,
    BatchLine,
    BatchOrder,
    BatchState,
    OutgoingMail,
    Person,
    RequestState,
    Role,
    TokenRequest,
)
from identity_manager.models.requests.token_request import TokenRequestQuerySet
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.requests import approver_escalation

LATELY = timedelta(days=7)


def tell(order: BatchOrder) -> None:
    """Mail the approvers of waiting requests, and administrators where nobody decides on some.

    In the caller's transaction, with the order locked. Deduplicated.
    """
    lines = BatchLine.objects.filter(order=order, request__isnull=False)
    waiting = TokenRequest.objects.filter(
        pk__in=lines.values("request"), state=RequestState.REQUESTED, round=1
    )
    _tell_approvers(order, waiting)
    _tell_the_office(order, waiting)


def tell_of_stopped() -> int:
    """Job: mail about recently stopped orders; returns how many were checked."""
    rows = BatchOrder.objects.stopped_since(timezone.now() - LATELY).order_by("started_at", "pk")
    return retry_later.for_each_isolated(rows.values_list("pk", flat=True), _tell_of)


def _tell_of(order_id: uuid.UUID) -> bool:
    with transaction.atomic():
        order = locking.batch_order(order_id)
        if order.state != BatchState.RUNNING:
            tell(order)
        return True


def _tell_approvers(order: BatchOrder, waiting: TokenRequestQuerySet) -> None:
    decided = Approval.objects.filter(
        request=OuterRef("request"), round=OuterRef("round"), approver=OuterRef("approver")
    )
    rows = AskedApprover.objects.filter(~Exists(decided), request__in=waiting, round=1)
    asked_at = dict(rows.order_by().values_list("approver").annotate(Max("asked_at")))
    mails = []
    for approver in Person.objects.filter(pk__in=asked_at).prefetch_related("roles").order_by("pk"):
        since = asked_at[approver.pk]
        decides = approver.is_active and approver.has_role(Role.APPROVER)
        if decides and not _was_told("batch_waits", order, approver, since=since):
            mails.append(batch_messages.batch_waits(order, approver, key=since.isoformat()))
    outbox.enqueue_each(mails)


def _tell_the_office(order: BatchOrder, waiting: TokenRequestQuerySet) -> None:
    undecided = waiting.exclude(office_told_at=None)
    units = undecided.order_by().values_list("person__organisational_unit").annotate(Max("office_told_at"))
    mails = []
    for unit, since in units:
        request = undecided.filter(person__organisational_unit=unit).select_related("person").first()
        if request is None:  # decided meanwhile
            continue
        possible = approver_escalation.is_possible(request)
        for each in approvers.administrators(request.person).order_by("pk"):
            if not _was_told("batch_undecided", order, each, since=since):
                key = since.isoformat()
                mails.append(batch_messages.batch_undecided(order, each, possible=possible, key=key))
    outbox.enqueue_each(mails)


def _was_told(message: str, order: BatchOrder, person: Person, *, since: datetime) -> bool:
    """Whether a mail was sent under either deduplication key."""
    mails = OutgoingMail.objects.filter(message=message, person=person, created_at__gte=since)
    return mails.filter(occasion__contains=f":{order.pk}:").exists()
