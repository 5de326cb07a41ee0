"""The identities that an import has brought: a second officer confirms them at once, on the import's page."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import AuditEvent, IdentityChange, Person, PersonImport, PersonState
from identity_manager.models.people.identity_change import IdentityChangeQuerySet
from identity_manager.people import registration_policy
from identity_manager.people.identity import identity_changes
from identity_manager.people.identity.identity_changes import NotConfirmed
from identity_manager.people.imports import uniqueness
from identity_manager.person_fields import IDENTITY_FIELDS
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require

AT_ONCE = 5_000  # persons in one click: some seconds of a page
CHUNK = 500
PERSON_COLUMNS = ("email", "upn", "upn_key", "sid", "external_id", "search_text", "updated_at", "version")
CHANGE_COLUMNS = ("state", "decided_by", "decided_at", "version")
NOT_EVERYWHERE = Reason(
    "identities-everywhere",
    _("An import reaches every organisational unit, so a Registration Officer of all of them confirms it."),
)
OWN_IMPORT = Reason(
    "own-identities", _("You asked for this import. Another Registration Officer confirms its identities.")
)
OTHERS_NOW = Reason(
    "other-identities", _("These are not the identities that you saw any more. Look at what waits now.")
)


@dataclass
class Confirmed:
    """How many were confirmed, and those that were not, with the reason."""

    number: int = 0
    left: list[NotConfirmed] = field(default_factory=list)


def waiting_of(row: PersonImport) -> IdentityChangeQuerySet:
    """Changes of identity that the import has brought and nobody has decided on, by person."""
    rows = IdentityChange.objects.waiting().filter(person_import=row)
    return rows.select_related("person").order_by("person__search_text__by_name", "pk")


def digest_of(row: PersonImport) -> str:
    """The SHA-256 over all that waits of the import: a form that shows it carries it."""
    rows = waiting_of(row).order_by("pk").values_list("pk", "new")
    text = json.dumps([(str(pk), sorted(new.items())) for pk, new in rows])
    return hashlib.sha256(text.encode()).hexdigest()


def obstacle(*, actor: Person, row: PersonImport) -> Reason | None:
    """Why this actor does not confirm the identities of the import, or None.

    In SQL: with_identities_for of its model.
    """
    if not registration_policy.registers_in(actor, ""):
        return NOT_EVERYWHERE
    return OWN_IMPORT if actor.pk == row.asked_by_id else None


def confirm(*, actor: Person, import_id: uuid.UUID, digest: str) -> Confirmed:
    """A second officer agrees to all identities of the import that wait, AT_ONCE at most.

    What cannot be confirmed goes on waiting, with the reason; so do those of whom the actor made a sign-in
    code. digest is that of the page. Raises NotAllowed or Stale, with nothing done.
    """
    row = PersonImport.objects.get(pk=import_id)
    refuse(obstacle(actor=actor, row=row), kind=NotAllowed)
    require(digest_of(row) == digest, else_=OTHERS_NOW, kind=Stale)
    waiting = list(waiting_of(row).order_by("person_id").values_list("pk", flat=True)[:AT_ONCE])
    done = Confirmed()
    for start in range(0, len(waiting), CHUNK):
        _confirm_some(waiting[start : start + CHUNK], actor=actor, done=done)
    return done


def _confirm_some(change_ids: Sequence[uuid.UUID], *, actor: Person, done: Confirmed) -> None:
    """Identities of new persons together, in one transaction; all others one by one, as they say why not."""
    try:
        with transaction.atomic():
            plain = _plain(locking.identity_changes(change_ids), actor)
            _write(plain, actor=actor)
    except IntegrityError:  # one of the values was given to somebody at this moment
        plain = []
    together = {change.pk for change in plain}
    others = [pk for pk in change_ids if pk not in together]
    left = identity_changes.confirm_several(actor=actor, change_ids=others)
    done.number += len(change_ids) - len(left)
    done.left += left


def _plain(changes: Sequence[IdentityChange], actor: Person) -> list[IdentityChange]:
    """Locked changes that bring a new person their first identity, with nothing in the way."""
    waiting = [change.pk for change in changes]
    mine = set(IdentityChange.objects.decidable_by(actor).filter(pk__in=waiting).values_list("pk", flat=True))
    owners = {
        name: uniqueness.owners(name, [change.new[name] for change in changes if change.new.get(name)])
        for name in IDENTITY_FIELDS
    }
    return [
        change
        for change in changes
        if change.is_entry
        and change.pk in mine
        and change.waits()
        and identity_changes.overtaken(change) is None
        and change.person.state != PersonState.LOCKED
        and not any(
            uniqueness.compared(name, value) in owners[name] for name, value in change.new.items() if value
        )
    ]


def _write(changes: Sequence[IdentityChange], *, actor: Person) -> None:
    """bulk_update knows nothing of save(): what that does stands here, for rows that are locked."""
    now = timezone.now()
    for change in changes:
        person = change.person
        for name, value in change.new.items():
            setattr(person, name, value)
        person.compare_upn()
        person.search_text = person.compose_search_text()
        person.updated_at = now
        change.confirm(by=actor, now=now)
        for row in (person, change):
            row.version += 1
    Person.objects.bulk_update([change.person for change in changes], PERSON_COLUMNS, batch_size=100)
    IdentityChange.objects.bulk_update(changes, CHANGE_COLUMNS, batch_size=100)
    audit.append([_confirmed(change, actor) for change in changes])


def _confirmed(change: IdentityChange, actor: Person) -> AuditEvent:
    return audit.event_about(
        audit.Event.IDENTITY_CHANGE_CONFIRMED,
        actor=actor,
        subject=change.person,
        change=str(change.pk),
        fields=sorted(change.new),
        reason="",
    )
