"""Verbs on groups that are made by hand. Membership alone gives no role and no token.

An officer who adds a person counts as a requester of what a standing order then requests
(docs/how-to/standing-orders.md).
"""

import uuid
from collections.abc import Collection

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import DirectoryGroup, DirectoryMembership, Person, PersonState, StandingOrder
from identity_manager.people import registration_policy
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import (
    NotAllowed,
    Reason,
    Stale,
    refuse,
    refused_if_not_unique,
    require,
)

MOST_AT_ONCE = 500
NOT_KEEPER = Reason(
    "keeps-no-groups", _("Only a Registration Officer of all organisational units changes groups by hand.")
)
NO_GROUP_NAME = Reason("no-group-name", _("Give the group a name of at most 256 characters."))
GROUP_NAME_TAKEN = Reason("group-name-taken", _("There is a group of this name that was made by hand."))
OF_A_DIRECTORY = Reason(
    "group-of-a-directory", _("A directory keeps this group. Who is in it is changed there.")
)
GROUP_GONE = Reason("group-gone", _("This group has been ended."))
NO_NUMBERS = Reason("no-numbers", _("Enter at least one personnel number, one on each line."))
TOO_MANY_NUMBERS = Reason("too-many-numbers", _("Add at most 500 persons at once."))
UNKNOWN = _("Nobody has these personnel numbers: %(numbers)s. Nobody was added.")
NOT_YOURSELF = Reason("not-yourself-in-group", _("Another Registration Officer puts you into a group."))
NO_MEMBER = Reason("no-member", _("This person is not in the group any more."))


def make(*, actor: Person, name: str) -> DirectoryGroup:
    """Make an empty group. Raises NotAllowed or NotPossible."""
    with transaction.atomic():
        _require_keeper(actor)
        wanted = name.strip()
        require(0 < len(wanted) <= 256, else_=NO_GROUP_NAME, field="name")
        taken = DirectoryGroup.objects.filter(source=None, gone_at=None, name=wanted).exists()
        refuse(GROUP_NAME_TAKEN if taken else None, field="name")
        group = DirectoryGroup(source=None, name=wanted)
        group.external_id = str(group.pk)
        with refused_if_not_unique(GROUP_NAME_TAKEN, field="name"):
            group.save()
        audit.record(audit.Event.GROUP_MADE, actor=actor, subject=None, group=str(group.pk), name=wanted)
        return group


def add(*, actor: Person, group_id: uuid.UUID, numbers: Collection[str]) -> int:
    """Put persons into the group, by their personnel numbers: all or nobody; returns how many are new.

    Raises NotAllowed, Stale, or NotPossible at `numbers`.
    """
    with transaction.atomic():
        group = _fetch(actor, group_id)
        wanted = {each.strip() for each in numbers if each.strip()}
        require(wanted, else_=NO_NUMBERS, field="numbers")
        require(len(wanted) <= MOST_AT_ONCE, else_=TOO_MANY_NUMBERS, field="numbers")
        humans = Person.objects.without_api_clients().exclude(state=PersonState.LOCKED)
        persons = humans.filter(personnel_number__in=wanted)
        found = {person.personnel_number: person for person in persons}
        missing = ", ".join(sorted(wanted - found.keys())[:20])
        unknown = Reason("group-numbers-unknown", str(UNKNOWN) % {"numbers": missing})
        refuse(unknown if missing else None, field="numbers")
        own = any(person.pk == actor.pk for person in found.values())
        refuse(NOT_YOURSELF if own else None, kind=NotAllowed)

        there = set(group.memberships.values_list("person", flat=True))
        new = [person for person in found.values() if person.pk not in there]
        DirectoryMembership.objects.bulk_create(
            DirectoryMembership(group=group, person=person, added_by=actor) for person in new
        )
        for person in new:
            audit.record(audit.Event.GROUP_MEMBER_ADDED, actor=actor, subject=person, group=group.name)
        StandingOrder.objects.wake(timezone.now())
        return len(new)


def remove(*, actor: Person, group_id: uuid.UUID, person_id: uuid.UUID) -> DirectoryGroup:
    """Take a person out of the group. Raises NotAllowed or Stale."""
    with transaction.atomic():
        group = _fetch(actor, group_id)
        row = group.memberships.select_related("person").filter(person=person_id).first()
        if row is None:
            raise Stale(NO_MEMBER)
        row.delete()
        audit.record(audit.Event.GROUP_MEMBER_REMOVED, actor=actor, subject=row.person, group=group.name)
        StandingOrder.objects.wake(timezone.now())
        return group


def end(*, actor: Person, group_id: uuid.UUID) -> DirectoryGroup:
    """End the group: nobody is in it any more; the breaker stops a standing order that follows it.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        group = _fetch(actor, group_id)
        group.memberships.all().delete()
        group.gone_at = timezone.now()
        group.save()
        audit.record(audit.Event.GROUP_ENDED, actor=actor, subject=None, group=str(group.pk), name=group.name)
        StandingOrder.objects.wake(timezone.now())
        return group


def changing_obstacle(group: DirectoryGroup) -> Reason | None:
    """Why the group cannot be changed by hand, or None."""
    if group.source_id is not None:
        return OF_A_DIRECTORY
    return GROUP_GONE if group.gone_at else None


def _fetch(actor: Person, group_id: uuid.UUID) -> DirectoryGroup:
    _require_keeper(actor)
    group = locking.directory_group(group_id)
    refuse(OF_A_DIRECTORY if group.source_id else None, kind=NotAllowed)
    refuse(GROUP_GONE if group.gone_at else None, kind=Stale)
    return group


def _require_keeper(actor: Person) -> None:
    require(registration_policy.registers_everywhere(actor), else_=NOT_KEEPER, kind=NotAllowed)
