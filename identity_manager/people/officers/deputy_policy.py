"""Deputies at each use: in whose stead an Approver decides, and who counts as one person with whom.

Valid days are compared at every use; no job ends a deputy.
"""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import Deputy, Person, Role, RoleAssignment
from identity_manager.models.people.deputy import DeputyQuerySet
from identity_manager.models.people.role import today


def deputyships_of(officer: Person) -> list[Deputy]:
    """Deputyships in force today, without a query where no role of the officer says that there may be."""
    day = today()
    if not any(held.deputy_until and held.deputy_until >= day for held in officer.roles_in_force()):
        return []
    rows = Deputy.objects.in_force(day).filter(deputy=officer)
    return list(rows.select_related("principal").order_by("valid_from", "pk"))


def principals_of(officer: Person) -> set[UUID]:
    """In whose stead the officer decides today."""
    return {each.principal_id for each in deputyships_of(officer)}


def in_force() -> DeputyQuerySet:
    """Everybody's deputies who act today."""
    return Deputy.objects.in_force(today())


def independent(officers: Collection[Person]) -> int:
    """How many of them count as different persons: of a principal and their deputy, one.

    Those with the fewest such ties come first, so of a chain both ends count, and of two who are deputies of
    each other, one.
    """
    in_stead_of = {each.pk: principals_of(each) for each in officers}
    tied = {
        pk: {other for other in in_stead_of if other in principals or pk in in_stead_of[other]}
        for pk, principals in in_stead_of.items()
    }
    counted = set[UUID]()
    for pk in sorted(tied, key=lambda each: len(tied[each])):
        if tied[pk].isdisjoint(counted):
            counted.add(pk)
    return len(counted)


def end_with_role(person: Person, unit: str, *, actor: Person | None) -> None:
    """End what rests on a role Approver that the person has lost, in the caller's transaction.

    Those who decide in their stead, and in whose stead they decide. A deputy of one unit may have rested on
    a role for all: they stay where another role of the principal lasts as long.
    """
    covered = Q() if unit == "" else Q(organisational_unit=unit)
    rows = Deputy.objects.not_over(today()).filter(covered, Q(principal=person) | Q(deputy=person))
    left = list(person.roles.filter(role=Role.APPROVER, only_as_deputy=False))
    for each in rows.select_related("principal", "deputy").order_by("pk"):
        is_of_another_role = each.deputy_id != person.pk and each.organisational_unit != unit
        since = max(each.valid_from, today())
        if not (
            is_of_another_role and lasts(left, each.organisational_unit, first=since, last=each.valid_until)
        ):
            end(each, actor=actor)


def lasts(held: Collection[RoleAssignment], unit: str, *, first: date, last: date) -> bool:
    """Whether one of these roles reaches the unit from the first to the last day."""
    reaching = [each for each in held if each.organisational_unit in ("", unit)]
    return any(each.is_in_force(first) and each.is_in_force(last) for each in reaching)


def end_all_of(person: Person, *, for_leave: bool, actor: Person | None) -> None:
    """End every deputyship of a person who loses all roles, in the caller's transaction.

    Who goes on leave keeps those who decide in their stead, until their last day: leave is what they are for.
    """
    concerned = Q(deputy=person) if for_leave else Q(deputy=person) | Q(principal=person)
    rows = Deputy.objects.not_over(today()).filter(concerned)
    for each in rows.select_related("principal", "deputy").order_by("pk"):
        end(each, actor=actor)


def end(row: Deputy, *, actor: Person | None) -> None:
    """End one, with the role that the deputy has for it alone, in the caller's transaction."""
    row.ended_at = timezone.now()
    row.ended_by = actor
    row.save()
    held = RoleAssignment.objects.filter(
        person=row.deputy_id, role=Role.APPROVER, organisational_unit=row.organisational_unit
    )
    held.filter(only_as_deputy=True).delete()
    _record(audit.Event.DEPUTY_ENDED, row, actor=actor)


def record_assigned(row: Deputy, *, actor: Person) -> None:
    """Say of both that one decides in the stead of the other, in the caller's transaction."""
    _record(audit.Event.DEPUTY_ASSIGNED, row, actor=actor)


def _record(event: audit.Event, row: Deputy, *, actor: Person | None) -> None:
    """Say it of both in the audit log, by the key of the row: no event holds the name of the other."""
    facts = {
        "deputyship": str(row.pk),
        "unit": row.organisational_unit,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": row.valid_until.isoformat(),
    }
    for person in (row.principal, row.deputy):
        audit.record(event, actor=actor, subject=person, **facts)
