"""Co-requesters of requests by standing orders: officers who caused one do not approve it.

They are the officers who ever made the order or put it in force; who added the person to a group by hand;
the two who made the SCIM client that writes the group; and, for orders over a unit or a search, who lately
changed the person by hand or asked for another e-mail address, which a search finds.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import (
    AuditEvent,
    BatchOrder,
    ConsentState,
    DirectoryMembership,
    Person,
    ScimToken,
    SignInCode,
    StandingBasis,
    StandingMember,
    StandingOrder,
)

LATELY = timedelta(days=90)
BY_HAND = (audit.Event.PERSON_CREATED, audit.Event.PERSON_CHANGED, audit.Event.IDENTITY_CHANGE_ASKED)


@dataclass(frozen=True)
class CoRequesters:
    """Officers who count as requesters for a person, beside the asker of the batch order.

    coded: persons for whom one of these officers made a sign-in code, and who get nothing in this way. left:
    persons who are no longer members of the standing order, or of its group: with a membership goes who made
    it, so that nobody gets anything by one that has ended.
    """

    by_person: Mapping[uuid.UUID, frozenset[uuid.UUID]]
    coded: frozenset[uuid.UUID]
    left: frozenset[uuid.UUID]

    def of(self, person: Person) -> frozenset[uuid.UUID]:
        return self.by_person.get(person.pk, frozenset())


NONE = CoRequesters({}, frozenset(), frozenset())


def of_batch(order: BatchOrder, persons: Collection[uuid.UUID]) -> CoRequesters:
    """The co-requesters of these persons in a batch order; none unless a standing order placed it."""
    standing = StandingOrder.objects.filter(placements__batch=order).first() if order.cause else None
    if standing is None:
        return NONE
    found: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    there = StandingMember.objects.present().filter(order=standing, person__in=persons)
    present = set(there.values_list("person", flat=True))
    if standing.basis == StandingBasis.GROUP:
        causes = _memberships(standing, persons)
        present &= {person for person, _officer in causes}
    else:
        causes = _changes_by_hand(persons)
    for person, officer in causes:
        if officer is not None:
            found[person].add(officer)
    shared = {*standing.officers.values_list("pk", flat=True), *_clients(standing)} - {order.asked_by_id}
    by_person = {person: frozenset((found[person] | shared) - {order.asked_by_id}) for person in persons}
    codes = SignInCode.objects.opening(timezone.now()).filter(person__in=persons)
    made = codes.order_by().values_list("person", "asked_by")
    coded = frozenset(person for person, officer in made if officer in by_person[person])
    return CoRequesters(by_person, coded, frozenset(persons) - present)


def _memberships(
    standing: StandingOrder, persons: Collection[uuid.UUID]
) -> list[tuple[uuid.UUID, uuid.UUID | None]]:
    """The members of the group, each with who put them in by hand."""
    members = DirectoryMembership.objects.filter(group=standing.group_id, person__in=persons)
    return list(members.values_list("person", "added_by"))


def _changes_by_hand(persons: Collection[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID | None]]:
    events = AuditEvent.objects.filter(name__in=BY_HAND, person__in=persons, at__gt=timezone.now() - LATELY)
    rows = events.exclude(actor=None).exclude(actor=F("person")).order_by()
    return list(rows.values_list("person", "actor").distinct())


def _clients(standing: StandingOrder) -> set[uuid.UUID]:
    if standing.group is None or standing.group.source_id is None:
        return set()
    tokens = ScimToken.objects.filter(source=standing.group.source_id, state=ConsentState.CONFIRMED)
    return {officer for pair in tokens.values_list("asked_by", "decided_by") for officer in pair if officer}
