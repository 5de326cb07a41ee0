"""Recertification of officers' roles: opened once a period, confirmed or withdrawn role by role, ended.

Who decides is a User Administrator within their units, never the holder, by the rules of giving a role. What
nobody has answered at the end stays and is reported, or ends (RECERTIFICATION_UNANSWERED); the roles without
which nobody could give roles or recover keys stay in each case. Self-Service User is not an officer's role:
it comes with tokens and goes with the person.
"""

import uuid
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import role_messages
from identity_manager.models import (
    OFFICER_ROLES,
    Person,
    PersonState,
    Recertification,
    RecoveryShare,
    ReviewDecision,
    Role,
    RoleAssignment,
    RoleReview,
)
from identity_manager.models.people.role import RoleAssignmentQuerySet, today
from identity_manager.people.officers import deputy_policy, roles, vouching_policy
from identity_manager.transactions import locking, retry_later
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require

NOT_EVERYWHERE = Reason(
    "not-user-administrator-everywhere",
    _("Only a User Administrator who is not limited to a unit can do this."),
)
OPEN_ALREADY = Reason("recertification-open", _("A recertification is open already."))
NO_ROLES = Reason("recertification-without-roles", _("There is no role to be confirmed."))
DECIDED = Reason("role-review-decided", _("Somebody has answered this meanwhile, or the time is over."))
GONE = Reason("role-review-gone", _("This role has ended meanwhile, or was assigned anew."))
ANSWERED = (ReviewDecision.CONFIRMED, ReviewDecision.WITHDRAWN, ReviewDecision.GONE)
DAYS_BEFORE_THE_END = (7, 1)  # of the last reminders
NEEDED_TO_RECOVER = 2  # Recovery Officers who decide on a recovery


def open_now(*, actor: Person) -> Recertification:
    """Open a campaign before its day. Raises NotAllowed, NotPossible (no roles) or Stale (one is open)."""
    with transaction.atomic():
        require(may_open(actor), else_=NOT_EVERYWHERE, kind=NotAllowed)
        return _open(actor=actor)


def may_open(actor: Person) -> bool:
    """Whether the actor is a User Administrator who is not limited to a unit."""
    return actor.is_active and actor.has_role(Role.USER_ADMINISTRATOR, unit="")


def answer_obstacle(*, actor: Person, review: RoleReview) -> Reason | None:
    """Why this actor cannot answer the review now, whatever the answer, or None; in SQL: decidable_by."""
    obstacle = officer_obstacle(actor=actor, review=review)
    if obstacle is not None:
        return obstacle
    if not review.is_undecided:
        return DECIDED
    return None if _is_held(review) else GONE


def officer_obstacle(*, actor: Person, review: RoleReview) -> Reason | None:
    """Why this actor cannot answer the review at all, or None."""
    return roles.withdraw_obstacle(actor=actor, person=review.person, unit=review.organisational_unit)


def confirm_obstacle(*, actor: Person, review: RoleReview) -> Reason | None:
    """Why this actor cannot confirm the role, or None: the rules of giving it."""
    obstacle = officer_obstacle(actor=actor, review=review) or vouching_policy.obstacle(actor, review.person)
    others = [held for held in roles.not_ended(review.person) if held.pk != review.assignment_id]
    return obstacle or roles.conflict(Role(review.role), (Role(held.role) for held in others))


def confirm(*, actor: Person, review_id: uuid.UUID) -> RoleReview:
    """Confirm a role. Raises NotAllowed, NotPossible (conflict with another role) or Stale."""
    with transaction.atomic():
        review = RoleReview.objects.get(pk=review_id)
        review.person = locking.person(review.person_id)
        refuse(officer_obstacle(actor=actor, review=review), kind=NotAllowed)
        require(_is_held(review), else_=GONE, kind=Stale)
        refuse(confirm_obstacle(actor=actor, review=review))

        _settle(review, ReviewDecision.CONFIRMED, by=actor)
        _record(audit.Event.ROLE_CONFIRMED, review, actor=actor)
        return review


def withdraw(*, actor: Person, review_id: uuid.UUID) -> RoleReview:
    """Withdraw the role instead. Raises as roles.withdraw, or Stale."""
    with transaction.atomic():
        review = RoleReview.objects.select_related("person").get(pk=review_id)
        require(_is_held(review), else_=GONE, kind=Stale)
        unit = review.organisational_unit
        roles.withdraw(actor=actor, person_id=review.person_id, role=Role(review.role), unit=unit)
        _settle(review, ReviewDecision.WITHDRAWN, by=actor)
        return review


def _settle(review: RoleReview, decision: ReviewDecision, *, by: Person | None) -> None:
    now = timezone.now()
    require(review.settle(decision, by=by, now=now), else_=DECIDED, kind=Stale)
    review.decision, review.decided_by, review.decided_at = decision, by, now


def _is_held(review: RoleReview) -> bool:
    return RoleAssignment.objects.filter(pk=review.assignment_id).exists()


def _record(event: audit.Event, review: RoleReview, *, actor: Person | None) -> None:
    unit = review.organisational_unit
    audit.record(event, actor=actor, subject=review.person, role=review.role, unit=unit)


# --- the job


def check() -> int:
    """Job: open a campaign when its day has come, remind, end it; return how many roles were looked at."""
    now = timezone.now()
    campaign = Recertification.objects.filter(is_open=True).first()
    if campaign is None:
        return _open_if_due(now)
    number = retry_later.for_each_isolated(_without_role(campaign), _mark_gone)
    if campaign.due_at <= now:
        return number + _end(campaign)
    _remind(campaign, now)
    return number


def next_opening() -> datetime | None:
    """Time at which the job opens the next campaign; None: never (RECERTIFICATION_DAYS 0), or without roles.

    Counted from the last campaign; before the first one, from the oldest role.
    """
    if not settings.RECERTIFICATION_DAYS:
        return None
    last = Recertification.objects.values_list("opened_at", flat=True).first()
    oldest = _officers_roles().order_by("assigned_at").values_list("assigned_at", flat=True).first()
    began = last or oldest
    return began + timedelta(days=settings.RECERTIFICATION_DAYS) if began else None


def _open_if_due(now: datetime) -> int:
    due = next_opening()
    if due is None or due > now or not _officers_roles().exists():
        return 0
    with transaction.atomic():
        return _open(actor=None).reviews.count()


def _officers_roles() -> RoleAssignmentQuerySet:
    return RoleAssignment.objects.not_ended(today()).filter(role__in=OFFICER_ROLES)


def _open(*, actor: Person | None) -> Recertification:
    """The partial unique index decides the race of two who open one at once."""
    now = timezone.now()
    held = list(_officers_roles())
    require(held, else_=NO_ROLES)
    days = timedelta(days=settings.RECERTIFICATION_ANSWER_DAYS)
    campaign, made = Recertification.objects.get_or_create(
        is_open=True, defaults={"opened_at": now, "opened_by": actor, "due_at": now + days}
    )
    require(made, else_=OPEN_ALREADY, kind=Stale)
    RoleReview.objects.bulk_create(
        RoleReview(
            campaign=campaign,
            person_id=each.person_id,
            role=each.role,
            organisational_unit=each.organisational_unit,
            assignment_id=each.pk,
            assigned_at=each.assigned_at,
            assigned_by_id=each.assigned_by_id,
        )
        for each in held
    )
    audit.record(
        audit.Event.RECERTIFICATION_OPENED,
        actor=actor,
        subject=None,
        recertification=str(campaign.pk),
        roles=len(held),
        until=campaign.due_at.isoformat(),
    )
    _remind(campaign, now)
    return campaign


def _remind(campaign: Recertification, now: datetime) -> None:
    """Mail those who can decide: at the opening, halfway, and shortly before the end; each once."""
    half = campaign.opened_at + (campaign.due_at - campaign.opened_at) / 2
    last = (campaign.due_at - timedelta(days=days) for days in DAYS_BEFORE_THE_END)
    moments = {campaign.opened_at, half, *(each for each in last if each > campaign.opened_at)}
    due = sum(each <= now for each in moments)
    with transaction.atomic():
        earlier = Recertification.objects.filter(pk=campaign.pk, is_open=True, reminders__lt=due)
        if not earlier.update(reminders=due):
            return
        outbox.enqueue_each(
            role_messages.recertification_waits(campaign, officer, number=number, turn=due)
            for officer in _user_administrators()
            if (number := RoleReview.objects.decidable_by(officer).count())
        )


def _user_administrators() -> list[Person]:
    """The Active ones; the query starts at the roles, which are few."""
    held = RoleAssignment.objects.in_force(today()).filter(role=Role.USER_ADMINISTRATOR)
    held = held.filter(person__state=PersonState.ACTIVE).order_by("person")
    rows = held.select_related("person").prefetch_related("person__roles")
    return list({each.person_id: each.person for each in rows}.values())


# --- the end


def _without_role(campaign: Recertification) -> list[uuid.UUID]:
    undecided = RoleReview.objects.undecided().filter(campaign=campaign)
    held = undecided.of_held_roles().values("pk")
    return list(undecided.exclude(pk__in=held).values_list("pk", flat=True))


def _mark_gone(review_id: uuid.UUID) -> bool:
    review = RoleReview.objects.get(pk=review_id)
    return review.settle(ReviewDecision.GONE, by=None, now=timezone.now())


def _end(campaign: Recertification) -> int:
    """Settle what nobody has answered, each in a transaction of its own, then close the campaign."""
    undecided = RoleReview.objects.undecided().filter(campaign=campaign).order_by("assigned_at", "pk")
    number = retry_later.for_each_isolated(undecided.values_list("pk", flat=True), _settle_unanswered)
    with transaction.atomic():
        still_open = Recertification.objects.filter(pk=campaign.pk, is_open=True)
        if not still_open.update(is_open=False, ended_at=timezone.now()):
            return number
        audit.record(
            audit.Event.RECERTIFICATION_ENDED,
            actor=None,
            subject=None,
            recertification=str(campaign.pk),
            **_numbers(campaign),
        )
        unanswered = campaign.reviews.exclude(decision__in=ANSWERED).count()
        outbox.enqueue_each(
            role_messages.recertification_over(campaign, officer, unanswered=unanswered)
            for officer in _user_administrators()
        )
    return number


def _numbers(campaign: Recertification) -> dict[str, int]:
    """Facts of the audit event: how many roles had which end."""
    found = count_decisions(campaign.reviews.all())
    return {decision.value: found[decision] for decision in ReviewDecision if decision}


def count_decisions(reviews: QuerySet[RoleReview]) -> dict[ReviewDecision, int]:
    """How many of the roles had which end."""
    found = Counter(reviews.order_by().values_list("decision", flat=True))
    return {decision: found[decision.value] for decision in ReviewDecision}


def _settle_unanswered(review_id: uuid.UUID) -> bool:
    with transaction.atomic():
        review = RoleReview.objects.get(pk=review_id)
        settle = partial(review.settle, by=None, now=timezone.now())
        if settings.RECERTIFICATION_UNANSWERED != "end":
            return settle(ReviewDecision.UNANSWERED)
        review.person = roles.lock_with_keepers(review.person_id, Role(review.role))
        held = RoleAssignment.objects.filter(pk=review.assignment_id).first()
        if held is None:
            return settle(ReviewDecision.GONE)
        if _is_needed(review):
            return settle(ReviewDecision.KEPT)
        if not settle(ReviewDecision.ENDED):
            return False
        held.delete()
        _record(audit.Event.ROLE_NOT_CONFIRMED, review, actor=None)
        if held.role == Role.APPROVER:
            deputy_policy.end_with_role(review.person, held.organisational_unit, actor=None)
        return True


def _is_needed(review: RoleReview) -> bool:
    """Whether nobody could give roles, or recover keys, without this role of a locked person."""
    role = Role(review.role)
    if role in (Role.SYSTEM_ADMINISTRATOR, Role.USER_ADMINISTRATOR):
        return roles.other_keepers(review.person, role) == 0
    if role != Role.RECOVERY_OFFICER:
        return False
    shares = RecoveryShare.objects.filter(officer=review.person_id, wrapping__erased_at=None)
    return shares.exists() or roles.other_keepers(review.person, role) < NEEDED_TO_RECOVER
