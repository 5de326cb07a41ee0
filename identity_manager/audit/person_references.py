"""Salted references by which the audit log names persons; erasure destroys the salt."""

import secrets
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models
from django.db.models import Q

from ca_bridge.database.prepared_queries import Statement
from identity_manager import audit_proof
from identity_manager.models import AuditEvent, AuditSalt, PersonState

_ROLES: tuple[Any, ...] = tuple(AuditEvent._meta.get_field(role) for role in ("actor", "person"))
_SALT: Any = AuditSalt._meta.get_field("person").remote_field
# Most events refer to one person, or two.
_OF_TWO = Statement[tuple[uuid.UUID, str]](
    lambda one, other: AuditSalt.objects.filter(Q(person_id=one) | Q(person_id=other)).values_list(
        "person_id", "salt"
    ),
    one=models.UUIDField(),
    other=models.UUIDField(),
)


def name_persons(events: Sequence[AuditEvent]) -> None:
    """Set the references of unsaved events."""
    named = {pk for event in events for pk in (event.actor_id, event.person_id) if pk}
    known = _read_along(events)
    known |= references_of(named - known.keys())
    for event in events:
        event.actor_ref = known[event.actor_id] if event.actor_id else ""
        event.person_ref = known[event.person_id] if event.person_id else ""


def _read_along(events: Iterable[AuditEvent]) -> dict[uuid.UUID, str]:
    """References of persons whose salt was joined when they were locked.

    Locked persons are left out, because they may have been erased: a statement that waited for the
    erasure sees the current person but, as the salt is not locked, the old salt.
    """
    found = {}
    for event in events:
        for role in _ROLES:
            person = role.get_cached_value(event, default=None)
            if person is None or person.state == PersonState.LOCKED:
                continue
            salt = _SALT.get_cached_value(person, default=None)
            if salt is not None:
                found[person.pk] = audit_proof.reference(salt.salt, str(person.pk))
    return found


def references_of(person_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The reference of each person. Missing salts are created, in one order for all callers (no deadlock)."""
    wanted = sorted(set(person_ids))
    if not wanted:
        return {}
    salts = salts_of(wanted)
    if lacking := [person_id for person_id in wanted if person_id not in salts]:
        new = [AuditSalt(person_id=person_id, salt=secrets.token_hex(16)) for person_id in lacking]
        AuditSalt.objects.bulk_create(new, ignore_conflicts=True)  # another transaction may have inserted it
        salts |= salts_of(lacking)
    return {person_id: audit_proof.reference(salts[person_id], str(person_id)) for person_id in wanted}


def salts_of(person_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The existing salts."""
    wanted = list(person_ids)
    if len(wanted) in (1, 2):
        return dict(_OF_TWO.rows(one=wanted[0], other=wanted[-1]))
    return dict(AuditSalt.objects.filter(person_id__in=wanted).values_list("person_id", "salt"))


def all_references() -> frozenset[str]:
    """References of all persons who are not erased."""
    salts = AuditSalt.objects.values_list("person_id", "salt")
    return frozenset(audit_proof.reference(salt, str(person_id)) for person_id, salt in salts.iterator())
