"""Verbs on deputies of Approvers: assign one from a first to a last day, and end it early.

docs/how-to/user-administrator.md says what a deputy may do.
"""

import uuid
from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager.models import Deputy, Person, Role, RoleAssignment
from identity_manager.models.people.role import today
from identity_manager.people.officers import deputy_policy, roles, vouching_policy
from identity_manager.people.officers.roles import RolePeriod
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require

LONGEST = timedelta(days=366)
NOT_AN_APPROVER = Reason(
    "principal-not-approver", _("This person is not an Approver of this unit in their own right.")
)
NO_OTHER_PERSON = Reason("deputy-of-oneself", _("A deputy is another person."))
NO_SUCH_PERSON = Reason("no-such-deputy", _("No Active person has this personnel number."))
NEEDS_DAYS = Reason("deputy-needs-days", _("Enter the first and the last day."))
TOO_LONG = Reason("deputy-too-long", _("A deputy is assigned for a year at most."))
LONGER_THAN_THE_ROLE = Reason(
    "deputy-longer-than-role", _("These days are not all among those of the role that it is about.")
)
DEPUTY_ALREADY = Reason(
    "deputy-already", _("This person is a deputy for this unit in those days or others already.")
)
OWN_ROLE_TOO_SHORT = Reason(
    "deputy-own-role-too-short", _("The deputy's own role Approver does not last through these days.")
)
OVER = Reason("deputy-over", _("This has ended already."))


def assign(
    *, actor: Person, principal_id: uuid.UUID, deputy_id: uuid.UUID, unit: str, period: RolePeriod
) -> Deputy:
    """Have the deputy decide in the stead of the principal, an Approver of that unit, on these days.

    Where the deputy is no Approver there, they get the role for these days; conflicts of roles apply. Raises
    NotAllowed, or NotPossible with the field.
    """
    with transaction.atomic():
        persons = {each.pk: each for each in locking.persons({principal_id, deputy_id})}
        principal, deputy = persons[principal_id], persons[deputy_id]
        refuse(assignment_obstacle(actor=actor, principal=principal, unit=unit), kind=NotAllowed)
        refuse(_deputy_obstacle(actor, principal, deputy, unit), kind=NotAllowed)
        first, last = _days(period)
        carried = deputy_policy.lasts(_own(principal), unit, first=first, last=last)
        require(carried, else_=LONGER_THAN_THE_ROLE, field="valid_until")
        overlapping = Deputy.objects.not_over(today()).filter(principal=principal, deputy=deputy)
        refuse(
            DEPUTY_ALREADY if overlapping.filter(organisational_unit=unit).exists() else None, field="deputy"
        )

        _have_role(deputy, unit, RolePeriod(first, last, only_as_deputy=True), actor=actor)
        row = Deputy.objects.create(
            principal=principal,
            deputy=deputy,
            organisational_unit=unit,
            valid_from=first,
            valid_until=last,
            assigned_by=actor,
        )
        deputy_policy.record_assigned(row, actor=actor)
        return row


def end(*, actor: Person, deputy_row_id: uuid.UUID) -> Deputy:
    """End a deputy before the last day. Raises NotAllowed, or Stale where it has ended."""
    with transaction.atomic():
        found = Deputy.objects.get(pk=deputy_row_id)
        locking.persons({found.principal_id, found.deputy_id})
        row = Deputy.objects.select_related("principal", "deputy").get(pk=deputy_row_id)
        refuse(ending_obstacle(actor=actor, row=row), kind=NotAllowed)
        refuse(OVER if row.is_over(today()) else None, kind=Stale)

        deputy_policy.end(row, actor=actor)
        return row


def assignment_obstacle(*, actor: Person, principal: Person, unit: str) -> Reason | None:
    """Why the actor cannot assign a deputy for this Approver, or None."""
    if actor.pk == principal.pk:
        return roles.NEVER_TO_ONESELF
    if not roles.administers(actor=actor, person=principal, unit=unit):
        return roles.NOT_ALLOWED
    own = any(each.organisational_unit == unit for each in _own(principal))
    return None if own else NOT_AN_APPROVER


def ending_obstacle(*, actor: Person, row: Deputy) -> Reason | None:
    """Why the actor cannot end the deputyship, or None."""
    if actor.pk in (row.principal_id, row.deputy_id):
        return roles.NEVER_TO_ONESELF
    return (
        None
        if roles.administers(actor=actor, person=row.principal, unit=row.organisational_unit)
        else roles.NOT_ALLOWED
    )


def _deputy_obstacle(actor: Person, principal: Person, deputy: Person, unit: str) -> Reason | None:
    if principal.pk == deputy.pk:
        return NO_OTHER_PERSON
    if actor.pk == deputy.pk:
        return roles.NEVER_TO_ONESELF
    if not roles.administers(actor=actor, person=deputy, unit=unit):
        return roles.NOT_ALLOWED
    return vouching_policy.obstacle(actor, deputy)


def _days(period: RolePeriod) -> tuple[date, date]:
    first, last = period.valid_from, period.valid_until
    if first is None or last is None:
        refuse(NEEDS_DAYS, field="valid_until" if first else "valid_from")
        raise AssertionError  # refused above
    roles.check_period(period)
    refuse(TOO_LONG if last - first > LONGEST else None, field="valid_until")
    return first, last


def _own(person: Person) -> list[RoleAssignment]:
    """The roles Approver that the person has in their own right, in force or later."""
    return [each for each in person.roles.all() if each.role == Role.APPROVER and not each.only_as_deputy]


def _have_role(deputy: Person, unit: str, period: RolePeriod, *, actor: Person) -> None:
    """See that the deputy is an Approver on these days, and that the role says that they are a deputy."""
    first, last = period.valid_from, period.valid_until
    assert first is not None and last is not None  # noqa: S101, PT018 narrows the declared types
    require(deputy.is_active, else_=roles.NOT_ACTIVE, field="deputy")
    if deputy_policy.lasts(_own(deputy), unit, first=first, last=last):
        for each in _own(deputy):
            if each.organisational_unit in ("", unit):
                each.deputy_until = max(each.deputy_until or last, last)
                each.save()
        return
    there = [each for each in deputy.roles.all() if each.role == Role.APPROVER]
    exact = [each for each in there if each.organisational_unit == unit and each.has_not_ended(today())]
    refuse(DEPUTY_ALREADY if any(each.only_as_deputy for each in exact) else None, field="deputy")
    refuse(OWN_ROLE_TOO_SHORT if exact else None, field="deputy")
    roles.give_to_deputy(actor=actor, person=deputy, unit=unit, period=period)
