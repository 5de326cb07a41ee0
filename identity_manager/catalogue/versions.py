"""Versions of catalogue entries: a draft is added, checked, activated; what was active retires."""

import uuid
from typing import TypeVar

from django.db.models import Max
from django.utils.translation import gettext_lazy as _
from django_fsm import can_proceed

from identity_manager import audit
from identity_manager.models import AuditEvent, CertificateProfile, Person, TokenType
from identity_manager.workflow.errors import NotAllowed, Reason, Stale, refuse

OWN_DRAFT = Reason("own-draft", _("You made this version. Another System Administrator activates it."))
NOT_TO_BE_ACTIVATED = Reason("not-to-be-activated", _("This version is active already."))
Entry = TypeVar("Entry", CertificateProfile, TokenType)


def next_number(kind: type[Entry], code: str) -> int:
    """The number of the code's next version."""
    newest = kind.objects.filter(code=code).aggregate(number=Max("number"))["number"]
    return int(newest or 0) + 1


def put_in_force(entry: Entry, *, actor: Person, four_eyes: bool) -> None:
    """Activate the version in the caller's transaction, and retire the one that was in force.

    four_eyes: who made it does not activate it. Raises NotAllowed, or Stale where it is active already.
    """
    refuse(OWN_DRAFT if four_eyes and _author_id(entry) == actor.pk else None, kind=NotAllowed)
    refuse(None if can_proceed(entry.activate) else NOT_TO_BE_ACTIVATED, kind=Stale)

    for other in type(entry).objects.active().filter(code=entry.code):
        other.retire()
        other.save()
    entry.activate()
    entry.save()
    record(entry, what="activated", actor=actor)


def record(entry: Entry, *, what: str, actor: Person) -> None:
    """Audit what was done with the version."""
    audit.record(
        audit.Event.CATALOGUE_CHANGED,
        actor=actor,
        subject=None,
        what=f"{_KINDS[type(entry)]}-{what}",
        id=str(entry.pk),
        code=entry.code,
        number=entry.number,
    )


def _author_id(entry: Entry) -> uuid.UUID | None:
    """Who made the version: the audit log knows."""
    added = AuditEvent.objects.filter(
        name=audit.Event.CATALOGUE_CHANGED.value,
        facts__id=str(entry.pk),
        facts__what=f"{_KINDS[type(entry)]}-added",
    )
    return added.values_list("actor_id", flat=True).first()


_KINDS: dict[type, str] = {CertificateProfile: "profile", TokenType: "type"}
