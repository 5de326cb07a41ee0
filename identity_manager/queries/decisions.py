"""Prepared query of requests that wait for an approver: OPEN TASKS begins with it, their pages count it.

To build and compile the conditions of four eyes took a quarter of the time of OPEN TASKS.
"""

import uuid
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db.models import DateField, DateTimeField, Exists, IntegerField, OuterRef, QuerySet, Subquery

from ca_bridge.database.prepared_queries import Statement
from identity_manager.models.people.person import Person
from identity_manager.models.requests.approval import AskedApprover
from identity_manager.models.requests.deciding import not_decidable
from identity_manager.models.requests.token_request import TokenRequest, TokenRequestQuerySet

_OPEN = {"officer": Person._meta.pk, "now": DateTimeField(), "day": DateField()}


class _CountOf(Subquery):
    """The number of rows of a queryset."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def first(
    officer_id: uuid.UUID, now: datetime, day: date, *, fields: tuple[str, ...], at_most: int
) -> list[TokenRequest]:
    """Requests that wait for this approver of all units, who is nobody's deputy; oldest first.

    day: today. fields: for only(), with those of the person and the requester.
    """
    return _first(fields, at_most).rows(officer=officer_id, now=now, day=day)


def number(officer_id: uuid.UUID, now: datetime, day: date, *, at_most: int) -> int | None:
    """How many wait for them, up to so many; None where a read replica does not know the officer yet."""
    return _number(at_most).first(officer=officer_id, now=now, day=day)


def oldest_question(officer_id: uuid.UUID) -> AskedApprover | None:
    """Oldest unanswered inquiry to this approver, of requests that wait for a decision; None without one."""
    return _OLDEST.first(officer=officer_id)


def _waiting(officer: Any, now: Any, day: Any) -> TokenRequestQuerySet:
    excluded = not_decidable([(officer, {""})], now, day)
    rows = TokenRequest.objects.awaiting_decision().filter(*(~each for each in excluded))
    return rows.not_postponed_by(officer, now)


def _questions(officer: Any) -> QuerySet[AskedApprover]:
    waiting = TokenRequest.objects.awaiting_decision().filter(pk=OuterRef("request"))
    rows = AskedApprover.objects.unanswered().filter(Exists(waiting), approver=officer)
    return rows.order_by("waits_from")


_OLDEST = Statement[AskedApprover](
    lambda officer: _questions(officer)[:1],
    officer=Person._meta.pk,
)


@lru_cache(maxsize=8)
def _first(fields: tuple[str, ...], at_most: int) -> Statement[TokenRequest]:
    def build(**given: Any) -> QuerySet[TokenRequest]:
        rows = _waiting(**given).select_related("person", "requested_by").only(*fields)
        return rows.order_by("created_at", "pk")[:at_most]

    return Statement(build, **_OPEN)


@lru_cache(maxsize=8)
def _number(at_most: int) -> Statement[int]:
    def build(**given: Any) -> QuerySet[Person, int]:
        keys = _waiting(**given).order_by().values("pk")[:at_most]
        return Person.objects.filter(pk=given["officer"]).order_by().values_list(_CountOf(keys), flat=True)

    return Statement(build, **_OPEN)
