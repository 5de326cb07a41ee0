"""START of User Administrators: who holds which role, as numbers, and how the recertification stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode

from identity_manager.console.access import offices, role_reviews
from identity_manager.models import OFFICER_ROLES, Person, Recertification, Role, RoleAssignment
from identity_manager.models.people.role import today
from identity_manager.people.officers import recertification

USER_ADMINISTRATORS = frozenset({Role.USER_ADMINISTRATOR})
ENDS_SOON = timedelta(days=30)
FEW = 2  # of a role for which one holder is away


@dataclass(frozen=True)
class RoleRow:
    """How many Active persons hold the role today: for all units, for one, and until a day that is near."""

    label: str
    url: str
    everywhere: int
    in_units: int
    ends_soon: int

    @property
    def holders(self) -> int:
        return self.everywhere + self.in_units

    @property
    def is_thin(self) -> bool:
        """Whether everybody waits where one person is away."""
        return self.holders < FEW


@dataclass(frozen=True)
class RecertificationState:
    """An open campaign and what was answered in it; or when the next one begins."""

    url: str
    due_at: datetime | None = None
    answered: int = 0
    total: int = 0
    next_at: datetime | None = None


def context(actor: Person) -> dict[str, Any]:
    """Context of roles and recertification, for User Administrators; else empty. Five statements at most."""
    if not offices.holds(actor, USER_ADMINISTRATORS):
        return {"role_matrix": [], "recertification": None}
    return {"role_matrix": list(_matrix(actor)), "recertification": _recertification(actor)}


def _matrix(actor: Person) -> Iterator[RoleRow]:
    day, page = today(), reverse("console:officers")
    rows = RoleAssignment.objects.filter(
        Q(valid_from=None) | Q(valid_from__lte=day),
        Q(valid_until=None) | Q(valid_until__gte=day),
        offices.within_units(actor, USER_ADMINISTRATORS, "person__organisational_unit"),
        role__in=OFFICER_ROLES,
        person__state="active",
    )
    counted = (
        rows.order_by()
        .values_list("role")
        .annotate(
            everywhere=Count("pk", filter=Q(organisational_unit="")),
            in_units=Count("pk", filter=~Q(organisational_unit="")),
            ends_soon=Count("pk", filter=Q(valid_until__lte=day + ENDS_SOON)),
        )
    )
    found = {role: numbers for role, *numbers in counted}
    for role in (each for each in Role if each in OFFICER_ROLES):
        url = f"{page}?{urlencode({'role': role.value})}"
        yield RoleRow(str(role.label), url, *found.get(role.value, (0, 0, 0)))


def _recertification(actor: Person) -> RecertificationState:
    campaign = Recertification.objects.filter(is_open=True).first()
    if campaign is None:
        return RecertificationState(
            reverse("console:recertifications"), next_at=recertification.next_opening()
        )
    reviews = role_reviews.visible_reviews(actor).filter(campaign=campaign).order_by()
    numbers = reviews.aggregate(total=Count("pk"), answered=Count("pk", filter=~Q(decision="")))
    url = reverse("console:recertification", args=[campaign.pk])
    return RecertificationState(url, campaign.due_at, numbers["answered"], numbers["total"])
