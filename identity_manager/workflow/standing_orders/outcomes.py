"""Outcomes of the members of a standing order, in set-based SQL: 100,000 persons take two queries.

NOT EXISTS, never NOT IN: PostgreSQL plans the first as an anti-join, and scans the whole list for each row of
the second once it does not fit into work_mem.
"""

import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    MemberStep,
    Person,
    PersonState,
    SoftwareToken,
    StandingBasis,
    StandingMember,
    StandingOrder,
    StandingState,
    TokenType,
)
from identity_manager.models.people.person import PersonQuerySet


class MemberOutcome(models.TextChoices):
    """The outcome of a member: the first that applies. LOSE: of persons who are no members any more."""

    GAIN = "gain", _("Get it")
    LOSE = "lose", _("Lose it")
    HAS = "has", _("Have it")
    ASKED = "asked", _("A request is open")
    OVER = "over", _("Had it or were asked, and it has ended: not asked again")
    LATER = "later", _("Could not be asked, are tried again tomorrow")
    NOT_ACTIVE = "not_active", _("Left out: not Active")
    WRONG_KIND = "wrong_kind", _("Left out: the type is not for this kind of person")
    NO_EMAIL = "no_email", _("Left out: no e-mail address")


def active_type(order: StandingOrder) -> TokenType | None:
    """The active version of the order's type; None if it was withdrawn."""
    return TokenType.objects.active().filter(code=order.type_code).first()


def members(order: StandingOrder) -> PersonQuerySet:
    """The persons in the group, unit or search now, in any state."""
    if order.basis == StandingBasis.GROUP:
        return Person.objects.filter(directory_memberships__group=order.group_id)
    criteria = {name: value for name, value in order.criteria.items() if value}
    kind, text = criteria.pop("kind", ""), criteria.pop("text", "")
    humans = Person.objects.without_api_clients()
    rows = humans.filter(kind=kind) if kind else humans
    return rows.matching(text, **criteria)


def with_outcome(order: StandingOrder, token_type: TokenType, now: datetime) -> QuerySet[Any]:
    """The members with their `outcome`."""
    tokens = SoftwareToken.objects.filter(person=OuterRef("pk"), type_code=order.type_code).order_by()
    own = StandingMember.objects.present().filter(order=order, person=OuterRef("pk"))
    cases = (
        (~Q(state=PersonState.ACTIVE), MemberOutcome.NOT_ACTIVE),
        (Q(Exists(tokens.in_use())), MemberOutcome.HAS),
        (Q(Exists(tokens.filter(is_open=True))), MemberOutcome.ASKED),
        (Q(Exists(own.exclude(step=MemberStep.NEW))), MemberOutcome.OVER),
        (~Q(kind__in=token_type.kinds), MemberOutcome.WRONG_KIND),
        (Q(email=""), MemberOutcome.NO_EMAIL),
        (Q(Exists(own.filter(retry_at__gt=now))), MemberOutcome.LATER),
    )
    whens = [When(condition, then=Value(outcome.value)) for condition, outcome in cases]
    return members(order).annotate(outcome=Case(*whens, default=Value(MemberOutcome.GAIN.value)))


def former_members(order: StandingOrder) -> QuerySet[StandingMember]:
    """Those who are members no more. Persons on leave stay members until they return."""
    rows = StandingMember.objects.present().filter(order=order)
    rows = rows.exclude(person__state=PersonState.INACTIVE)
    return rows.filter(~Exists(members(order).order_by().filter(pk=OuterRef("person"))))


def former_members_losing_it(order: StandingOrder) -> QuerySet[Person]:
    """Former members who would lose the token: not Locked, and in no other order for the type."""
    left = former_members(order).exclude(person__state=PersonState.LOCKED)
    rows = Person.objects.filter(pk__in=left.values("person"))
    return rows.filter(
        ~Exists(covered_otherwise(order).filter(person=OuterRef("pk"))), not_joining(order, "pk")
    )


def not_joining(order: StandingOrder, person: str) -> Q:
    """Condition: the person of a row is in no group, unit or search of another order in force for the type.

    That order has no episode of theirs before its next plan, and the token is to last until then.
    """
    others = StandingOrder.objects.filter(state=StandingState.IN_FORCE, type_code=order.type_code)
    theirs = [members(each).order_by().filter(pk=OuterRef(person)) for each in others.exclude(pk=order.pk)]
    return Q(*(~Exists(each) for each in theirs))


def covered_otherwise(order: StandingOrder) -> QuerySet[StandingMember]:
    """Members of other orders for the same type that have not ended."""
    return StandingMember.objects.covering(order.type_code).exclude(order=order)


def count(order: StandingOrder, token_type: TokenType) -> dict[str, int]:
    """Count members by outcome; `members` and `present` are totals."""
    rows = with_outcome(order, token_type, timezone.now()).order_by().values_list("outcome")
    figures = {outcome.value: 0 for outcome in MemberOutcome} | dict(rows.annotate(number=Count("pk")))
    figures["members"] = sum(figures.values())
    figures["lose"] = former_members_losing_it(order).count()
    figures["present"] = StandingMember.objects.present().filter(order=order).count()
    return figures


def persons_with(order: StandingOrder, outcome: MemberOutcome) -> QuerySet[Any]:
    """The persons with this outcome, by name; empty if the type was withdrawn."""
    if outcome == MemberOutcome.LOSE:
        return former_members_losing_it(order).order_by("search_text__by_name", "pk")
    token_type = active_type(order)
    if token_type is None:
        return Person.objects.none()
    rows = with_outcome(order, token_type, timezone.now()).filter(outcome=outcome)
    return rows.order_by("search_text__by_name", "pk")


def keys(rows: QuerySet[Any], name: str) -> list[uuid.UUID]:
    """The values of a column of ids, without an order."""
    return list(rows.order_by().values_list(name, flat=True))
