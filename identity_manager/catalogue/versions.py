"""Versions of catalogue entries: a draft is added, changed, checked, activated; what was active retires.

Under four eyes an editor asks for activation, and a System Administrator who did not edit the draft activates
it or refuses with a reason.
"""

import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import can_proceed

from identity_manager import audit
from identity_manager.catalogue.comparison import FieldChange
from identity_manager.catalogue.permission import NOT_SYSTEM_ADMINISTRATOR, require_system_administrator
from identity_manager.models import (
    AuditEvent,
    CertificateProfile,
    MailText,
    Person,
    TokenType,
    TokenTypeProfile,
    VersionState,
)
from identity_manager.models.catalogue.versioning import Drafted
from identity_manager.models.people.vouching import Exclusion
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.locking import Versioned
from identity_manager.transactions.refusals import (
    NotAllowed,
    NotPossible,
    Reason,
    Stale,
    refuse,
    refused_if_not_unique,
    require,
)

OWN_DRAFT = Reason("own-draft", _("You worked on this version. Another System Administrator activates it."))
NOT_TO_BE_ACTIVATED = Reason("not-to-be-activated", _("This version is active already."))
NOT_A_DRAFT = Reason("not-a-draft", _("This version is no draft any more. A change is a new version."))
NOT_ACTIVE = Reason("not-active", _("Only a version in force can be retired."))
DRAFT_EXISTS = Reason("draft-exists", _("There is a draft of the next version already. Work on that one."))
CODE_TAKEN = Reason("code-taken", _("Another entry has this code."))
CHANGED_MEANWHILE = Reason(
    "draft-changed-meanwhile", _("Somebody has changed this draft since you opened the page.")
)
GONE = Reason("draft-gone", _("This draft was discarded meanwhile."))
OTHER_IN_FORCE = Reason(
    "other-in-force", _("Another version was put in force, or this one retired, since you opened the page.")
)
ASKED_ALREADY = Reason("activation-asked-already", _("Its activation was asked for already."))
NOT_ASKED = Reason("not-asked", _("Nobody asks for its activation any more."))
PINNED = Reason(
    "draft-pinned",
    _("A draft of a token type is made from this version. Discard or change that draft first."),
)
NO_REASON = Reason("no-reason-to-refuse", _("Say why; who made the version reads it."))
REASONS: second_officer.Reasons = {
    Exclusion.OFFICE: NOT_SYSTEM_ADMINISTRATOR,
    Exclusion.EDITED: OWN_DRAFT,
}

LONGEST_REASON = 2000
Entry = CertificateProfile | TokenType | MailText


@dataclass(frozen=True)
class Base:
    """The version that a new one begins with: its revision, and the new one's number, as the page had it."""

    pk: uuid.UUID
    revision: int
    next_number: int


def next_number(kind: type[Versioned], code: str) -> int:
    """The number of the code's next version."""
    newest = kind.objects.filter(code=code).aggregate(number=Max("number"))["number"]
    return int(newest or 0) + 1


def refuse_taken_code(kind: type[Versioned], code: str) -> None:
    """Raises NotPossible, at the code, if it exists: a new entry must not become a version of another."""
    refuse(CODE_TAKEN if kind.objects.filter(code=code).exists() else None, field="code")


def refuse_second_draft(kind: type[Versioned], code: str) -> None:
    """Raises Stale if the code has a draft already; two drafts would overwrite each other."""
    refuse(DRAFT_EXISTS if kind.objects.drafts().filter(code=code).exists() else None, kind=Stale)


def refuse_older_base(kind: type[Versioned], base: Base | None) -> None:
    """Raises Stale if another version was activated since the page was shown (lost update)."""
    if base is None:
        return
    entry = locked(kind, base.pk)
    same = (entry.version, next_number(kind, entry.code)) == (base.revision, base.next_number)
    require(same, else_=OTHER_IN_FORCE, kind=Stale)


def one_draft() -> AbstractContextManager[None]:
    """Context that turns the unique violation of two concurrent first drafts into Stale."""
    return refused_if_not_unique(DRAFT_EXISTS, kind=Stale)


def locked(kind: type[Versioned], pk: uuid.UUID) -> Versioned:
    """One version, locked and fresh, with all others of its code. Raises Stale for a draft that is gone."""
    try:
        return locking.catalogue_version(kind, pk)
    except ObjectDoesNotExist as error:
        raise Stale(GONE) from error


def discarded(kind: type[Versioned], pk: uuid.UUID) -> Versioned | None:
    """An unsaved row with code and number of a discarded draft, from the audit log; or None."""
    rows = AuditEvent.objects.filter(
        name=audit.Event.CATALOGUE_CHANGED.value, facts__id=str(pk), facts__what=f"{_KINDS[kind]}-discarded"
    )
    event = rows.first()
    return kind(pk=pk, code=event.facts["code"], number=event.facts["number"]) if event else None


def is_gone(entry: Entry) -> bool:
    """Whether it is the unsaved row of a discarded draft."""
    return entry._state.adding


def draft(kind: type[Versioned], pk: uuid.UUID, *, revision: int | None) -> Versioned:
    """The draft, locked and fresh. revision: its version when the page was made, or None. Raises Stale."""
    entry = locked(kind, pk)
    refuse(draft_obstacle(entry), kind=Stale)
    refuse(CHANGED_MEANWHILE if revision not in (None, entry.version) else None, kind=Stale)
    return entry


def draft_to_ask_for(kind: type[Versioned], pk: uuid.UUID, *, revision: int | None) -> Versioned:
    """The draft, locked and fresh, whose activation nobody has asked for yet. Raises Stale."""
    entry = draft(kind, pk, revision=revision)
    refuse(ASKED_ALREADY if entry.asked_at else None, kind=Stale)
    return entry


def ask(entry: Versioned, *, actor: Person) -> None:
    """Ask for a second System Administrator to activate the draft, which the caller has locked."""
    entry.forget_question()
    entry.asked_by, entry.asked_at = actor, timezone.now()
    entry.save()
    entry.editors.add(actor)
    record(entry, what="asked", actor=actor)


def refuse_activation(
    *, actor: Person, kind: type[Versioned], entry_id: uuid.UUID, revision: int | None, reason: str
) -> Versioned:
    """Give the draft back to who made it, with a reason. Raises NotAllowed, Stale or NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        entry = draft(kind, entry_id, revision=revision)
        second_officer.require(actor, entry, reasons=REASONS, not_waiting=NOT_ASKED)
        reason = given_reason(reason)

        entry.give_back(by=actor, reason=reason, now=timezone.now())
        entry.save()
        record(entry, what="refused", actor=actor, reason=reason)
        return entry


def discard(*, actor: Person, kind: type[Versioned], entry_id: uuid.UUID, revision: int | None) -> Versioned:
    """Discard draft; nothing has ever used it. Raises Refused, also where a type pins it."""
    with transaction.atomic():
        require_system_administrator(actor)
        entry = draft(kind, entry_id, revision=revision)
        is_pinned = kind is CertificateProfile and TokenTypeProfile.objects.filter(profile=entry.pk).exists()
        refuse(PINNED if is_pinned else None)

        record(entry, what="discarded", actor=actor)
        kind.objects.filter(pk=entry.pk).delete()
        return entry


def retire(*, actor: Person, kind: type[Versioned], entry_id: uuid.UUID, reason: str) -> Versioned:
    """Offer it no more, without a successor; what was requested under it goes on.

    Raises NotAllowed, Stale where it is not in force, NotPossible without a reason.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        entry = locked(kind, entry_id)
        refuse(retirement_obstacle(entry), kind=Stale)
        reason = given_reason(reason)

        entry.retire()
        entry.save()
        record(entry, what="retired", actor=actor, reason=reason)
        return entry


def put_in_force(entry: Versioned, *, actor: Person, four_eyes: bool) -> None:
    """Activate the version, which the caller has locked, and retire the one that was in force.

    four_eyes: who worked on it does not activate it. Raises NotAllowed, or Stale where it is active already.
    """
    if four_eyes:
        require_other_eyes(entry, actor=actor)
    refuse(state_obstacle(entry), kind=Stale)

    for other in type(entry).objects.active().filter(code=entry.code):
        other.retire()
        other.save()
    entry.forget_question()
    entry.activate()
    entry.save()
    record(entry, what="activated", actor=actor)


def other_eyes_obstacle(entry: Drafted, *, actor: Person) -> Reason | None:
    """Why the actor cannot be the second officer (worked on the draft, or holds no office), or None."""
    return second_officer.obstacle(actor, entry, REASONS)


def require_other_eyes(entry: Drafted, *, actor: Person) -> None:
    """Raise NotAllowed where the actor cannot be the second one."""
    refuse(other_eyes_obstacle(entry, actor=actor), kind=NotAllowed)


def state_obstacle(entry: Entry) -> Reason | None:
    """Why a catalogue version in this state cannot be put in force, or None."""
    return None if can_proceed(entry.activate) else NOT_TO_BE_ACTIVATED


def draft_obstacle(entry: Entry) -> Reason | None:
    """Why the version is no draft any more, or None."""
    return None if entry.state == VersionState.DRAFT else NOT_A_DRAFT


def asking_obstacle(entry: Drafted) -> Reason | None:
    """Why the draft waits for no second officer's decision, or None."""
    return None if entry.waits() else NOT_ASKED


def retirement_obstacle(entry: Entry) -> Reason | None:
    """Why the version cannot be retired, or None."""
    return None if entry.state == VersionState.ACTIVE else NOT_ACTIVE


def given_reason(reason: str) -> str:
    """The reason in one piece. Raises NotPossible where there is none."""
    found = reason.strip()[:LONGEST_REASON]
    if not found:
        raise NotPossible(NO_REASON, field="reason")
    return found


def record(
    entry: Versioned, *, what: str, actor: Person, changes: list[FieldChange] | None = None, reason: str = ""
) -> None:
    """Audit what was done with the version; changes: which field went from what to what."""
    more = {"reason": reason} if reason else {}
    audit.record(
        audit.Event.CATALOGUE_CHANGED,
        actor=actor,
        subject=None,
        what=f"{_KINDS[type(entry)]}-{what}",
        id=str(entry.pk),
        code=entry.code,
        number=entry.number,
        **({"changes": [change.as_fact() for change in changes]} if changes is not None else {}),
        **more,
    )


_KINDS: dict[type, str] = {CertificateProfile: "profile", TokenType: "type", MailText: "mail"}
