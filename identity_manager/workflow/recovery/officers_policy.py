"""Four-eyes policy of recoveries: which Recovery Officers decide and give shares, with reasons.

Excluded are the requester, the beneficiary, the owner, and who vouched for one of them. The SQL form
(waiting_for) and the Python form (obstacle) stand together; a test compares them for every kind of officer.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    Approval,
    Decision,
    Opening,
    Person,
    PersonState,
    Recovery,
    RecoveryShare,
    RequestState,
    Role,
    RoleAssignment,
    SubmittedShare,
    TokenRequest,
)
from identity_manager.models.people.role import today
from identity_manager.models.people.vouching import vouched_by
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions.refusals import Reason

NEEDED = 2
LONGEST_FOR_ANOTHER = timedelta(days=365)
DECIDER = {Role.RECOVERY_OFFICER}

NOT_AN_OFFICER_HERE = Reason(
    "not-recovery-officer-here",
    _("Only a Recovery Officer for the units of the owner and of the beneficiary decides on this."),
)
OWN_KEYS = Reason("own-keys", _("These are your own keys. Other Recovery Officers decide."))
FOR_YOURSELF = Reason("recovery-for-yourself", _("You would get these keys. Other Recovery Officers decide."))
YOU_ASKED = Reason("recovery-you-asked", _("You asked for this. Other Recovery Officers decide."))
DECIDED = Reason(
    "recovery-decided-already", _("You have decided on this already. Another Recovery Officer decides, too.")
)
NOT_TOGETHER = Reason(
    "recovery-keys-not-together",
    _("No one recovery key opens all of these keys. Ask for those of each recovery key by themselves."),
)
BENEFICIARY_NOT_IN_PORTAL = Reason(
    "beneficiary-not-in-portal",
    _("Who gets the keys needs the role Self-Service User: the passphrase is shown in Self-Service."),
)
NO_REFERENCE = Reason(
    "recovery-without-reference",
    _("For somebody else than the owner a reference number is needed; it stands in each file."),
)
NO_END = Reason(
    "recovery-without-end",
    _("For somebody else than the owner a last day is needed, within a year from today."),
)
NOT_DECIDED = Reason("recovery-not-decided", _("Two Recovery Officers have not agreed to this yet."))
DECISION_NOT_VALID = Reason(
    "recovery-decision-not-valid",
    _(
        "A decision does not count: the recovery was changed after it, its officer may not decide any more,"
        " or somebody else wrote it."
    ),
)
NO_RECOVERY_KEY = Reason(
    "no-recovery-key-as-confirmed",
    _("No recovery key opens these keys as two Recovery Officers confirmed it."),
)
SHARES_NEEDED = Reason("recovery-shares-needed", _("Recovery Officers have to give their shares once more."))
ACT_FAILED = Reason("recovery-act-failed", _("The keys were not opened; the shares were erased unused."))


def obstacle(actor: Person, recovery: Recovery) -> Reason | None:
    """Why this officer can neither decide on the recovery nor give a share for it, or None."""
    request = recovery.request
    units = (recovery.owner.organisational_unit, request.person.organisational_unit)
    if not actor.is_active or not all(actor.has_role(Role.RECOVERY_OFFICER, unit=unit) for unit in units):
        return NOT_AN_OFFICER_HERE
    if actor.pk == recovery.owner_id:
        return OWN_KEYS
    if actor.pk == request.person_id:
        return FOR_YOURSELF
    if request.was_asked_for_by(actor):
        return YOU_ASKED
    return vouching_policy.obstacle(actor, recovery.owner) or vouching_policy.obstacle(actor, request.person)


def decision_obstacle(actor: Person, recovery: Recovery) -> Reason | None:
    """Why this officer cannot decide on the recovery now, or None."""
    decided = recovery.request.approvals.filter(approver=actor, round=recovery.request.round).exists()
    return obstacle(actor, recovery) or (DECIDED if decided else None)


def deciders(recovery: Recovery) -> list[Person]:
    """The officers who may decide on the recovery, by name."""
    holding = Person.objects.holding(Role.RECOVERY_OFFICER, unit=recovery.owner.organisational_unit)
    rows = holding.prefetch_related("roles").order_by("search_text__by_name", "pk")
    return [officer for officer in rows if obstacle(officer, recovery) is None]


def open_to(officer: Person, now: datetime) -> QuerySet[Recovery]:
    """The SQL form of `obstacle`: recoveries in any state for which this officer has none."""
    rows = Recovery.objects.filter(opening=Opening.OFFICERS)
    if not officer.is_active:
        return rows.none()
    for path in ("owner", "request__person"):
        rows = rows.filter(officer.reach(DECIDER, f"{path}__organisational_unit"))
        for vouched in vouched_by(officer.pk, now, path).values():
            rows = rows.exclude(vouched)
    asked_for = TokenRequest.objects.asked_for_by(officer)
    own = Q(owner=officer) | Q(request__person=officer) | Q(request__in=asked_for.values("pk"))
    return rows.exclude(own)


def waiting_for(officer: Person, now: datetime) -> QuerySet[Recovery]:
    """The recoveries that wait for this officer's decision or share, the oldest first."""
    valid = _valid_approvals()
    agreed = Exists(valid[NEEDED - 1 : NEEDED])
    given = SubmittedShare.objects.filter(
        officer=officer, share_wrapped__isnull=False, round__subject=OuterRef("request")
    )
    rows = open_to(officer, now).exclude(expires_at__lte=now)
    undecided = Q(request__state=RequestState.REQUESTED) & ~agreed & ~Exists(valid.filter(approver=officer))
    awaits_share = (
        Q(request__state__in=(RequestState.REQUESTED, RequestState.FAILED))
        & agreed
        & Q(request__stopped_at=None, request__person__state=PersonState.ACTIVE)
        & Q(opened_with__in=_whose_share(officer))
        & ~Exists(given)
    )
    return rows.filter(undecided | awaits_share).order_by(F("created_at"), "pk")


def _valid_approvals() -> QuerySet[Approval]:
    """The approvals of the outer recovery's round by officers who still hold the role for both units.

    As sealed_decisions.agreed, but for seals, which no officer can break.
    """
    day = today()
    rows = Approval.objects.filter(
        request=OuterRef("request"),
        round=OuterRef("request__round"),
        decision=Decision.APPROVED,
        approver__state=PersonState.ACTIVE,
    )
    for path in ("owner", "request__person"):
        unit = OuterRef(OuterRef(f"{path}__organisational_unit"))
        held = RoleAssignment.objects.in_force(day).filter(
            Q(organisational_unit="") | Q(organisational_unit=unit),
            person=OuterRef("approver"),
            role=Role.RECOVERY_OFFICER,
        )
        rows = rows.filter(Exists(held))
    return rows


def _whose_share(officer: Person) -> QuerySet[RecoveryShare, Any]:
    present = officer.recovery_shares.filter(wrapping__erased_at=None)
    return present.values("wrapping__certificate")
