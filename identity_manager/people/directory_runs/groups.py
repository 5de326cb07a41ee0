"""Groups of a directory: nested groups are resolved to membership rows with their start day.

Membership alone gives no role and no token.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count, QuerySet

from identity_manager.models import (
    DirectoryGroup,
    DirectoryLink,
    DirectoryMembership,
    DirectoryRun,
    DirectoryRunMember,
    EntryState,
)
from identity_manager.people.breaker import MOST_EMPTIED, Stop
from identity_manager.people.imports.uniqueness import in_chunks

CHUNK = 500


def emptied(run: DirectoryRun) -> Stop | None:
    """Reason why the breaker stops a run after which a group of many members would have none, or None."""
    known = DirectoryGroup.objects.filter(source=run.source_id).annotate(number=Count("memberships"))
    filled = run.members.exclude(member_key="").values("group_id")
    lost = known.filter(number__gte=MOST_EMPTIED).exclude(external_id__in=filled)
    group = lost.order_by("-number").first()
    if group is None:
        return None
    return Stop("group-emptied", {"name": group.name, "number": vars(group)["number"]})


def take_over(run: DirectoryRun, now: datetime) -> None:
    """Bring groups and memberships to what the run staged, group by group."""
    staged = {row.group_id: row for row in run.members.filter(member_key="")}
    known = {row.external_id: row for row in DirectoryGroup.objects.filter(source=run.source_id)}
    for external_id, row in staged.items():
        group = known.get(external_id) or DirectoryGroup(source_id=run.source_id, external_id=external_id)
        if group._state.adding or group.name != row.name or group.gone_at:
            group.name, group.gone_at = row.name, None
            group.save()
        known[external_id] = group
    nested = _nested(run, staged)
    for external_id, group in known.items():
        parts = nested.get(external_id, set())
        with transaction.atomic():
            _set_members(group, set(_persons_in(run, parts)), now)
            if external_id not in staged and group.gone_at is None:
                group.gone_at = now
                group.save()


def end_memberships_of_absent(run: DirectoryRun) -> None:
    """End memberships of absent persons: deleting a member does not change a group's timestamp."""
    absent = DirectoryLink.objects.filter(source=run.source_id, state=EntryState.ABSENT)
    DirectoryMembership.objects.filter(
        group__source=run.source_id, person__in=absent.values("person")
    ).delete()


def _nested(run: DirectoryRun, staged: dict[str, DirectoryRunMember]) -> dict[str, set[str]]:
    """Each group, with all groups in it, itself among them. A group that contains itself is no trouble."""
    by_key = {row.group_key: external_id for external_id, row in staged.items()}
    children: dict[str, set[str]] = defaultdict(set)
    for some in in_chunks(sorted(by_key)):
        for parent, key in run.members.filter(member_key__in=some).values_list("group_id", "member_key"):
            if key:
                children[parent].add(by_key[key])
    return {external_id: _closure(external_id, children) for external_id in staged}


def _closure(start: str, children: dict[str, set[str]]) -> set[str]:
    found, ahead = {start}, [start]
    while ahead:
        for child in children.get(ahead.pop(), ()):
            if child not in found:
                found.add(child)
                ahead.append(child)
    return found


def _persons_in(run: DirectoryRun, groups: set[str]) -> Iterator[uuid.UUID]:
    """The persons of these groups' entries; of no entry that is absent, and of none that we do not know."""
    links = DirectoryLink.objects.filter(source=run.source_id).exclude(state=EntryState.ABSENT)
    keys = run.members.filter(group_id__in=groups).exclude(member_key="")
    yield from links.filter(key__in=keys.values("member_key")).values_list("person", flat=True)


def _set_members(group: DirectoryGroup, wanted: set[uuid.UUID], now: datetime) -> None:
    rows: QuerySet[DirectoryMembership] = group.memberships.all()
    had = set(rows.values_list("person", flat=True))
    for some in _chunks(sorted(had - wanted)):
        rows.filter(person__in=some).delete()
    new = (DirectoryMembership(group=group, person_id=each, since=now) for each in sorted(wanted - had))
    DirectoryMembership.objects.bulk_create(new, batch_size=CHUNK)


def _chunks(ids: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
