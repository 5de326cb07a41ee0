"""Verbs on the company's looks: a version is drafted, activated by a second officer, and retired; then the
product's own looks are in force again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.catalogue import logo
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.catalogue.validation import check_fields
from identity_manager.catalogue.versions import (
    ASKED_ALREADY,
    CHANGED_MEANWHILE,
    DRAFT_EXISTS,
    GONE,
    NOT_ASKED,
    REASONS,
    given_reason,
    one_draft,
    require_other_eyes,
)
from identity_manager.models import Looks, Person, VersionState
from identity_manager.models.catalogue.entry_fields import content_fields
from identity_manager.queries import looks as looks_queries
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import Reason, Stale, obstacle_of, refuse, require

SAME_LOOKS = Reason("same-looks", _("The draft looks as what everybody sees already."))
OURS_ALREADY = Reason("our-looks-already", _("Everybody sees our own looks already."))
LOGO_FIELDS = ("logo", "logo_sha256", "logo_width", "logo_height")


@dataclass(frozen=True)
class Picture:
    """Change of the logo. file: a new one; remove: none; otherwise the present one stays."""

    file: bytes | None = None
    remove: bool = False


def save_draft(*, actor: Person, revision: int | None, values: Mapping[str, Any], picture: Picture) -> Looks:
    """Keep what is written; activation has to be asked for again. revision: of the draft that was shown.

    Raises NotAllowed, Stale where somebody saved, discarded or activated one meanwhile, NotPossible.
    """
    new_logo = logo.read(picture.file) if picture.file is not None else None
    with transaction.atomic():
        require_system_administrator(actor)
        rows = _rows()
        draft, active = rows.get(VersionState.DRAFT), rows.get(VersionState.ACTIVE)
        shown = draft.version if draft else None
        require(shown == revision, else_=_moved(draft, revision), kind=Stale)
        draft = draft or _next(active)
        before = _content(draft)
        for name in content_fields(Looks):
            setattr(draft, name, values[name])
        _put_logo(draft, new_logo, remove=picture.remove)
        check_fields(draft)

        draft.forget_question()
        with one_draft():
            draft.save()
        draft.editors.add(actor)
        changed = [name for name, value in _content(draft).items() if before[name] != value]
        _record(draft, what="draft-saved", actor=actor, fields=changed)
        return draft


def ask_activation(*, actor: Person, revision: int | None) -> Looks:
    """Ask for a second System Administrator to activate the draft. Raises NotAllowed, Stale, NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft, active = _draft(revision)
        refuse(ASKED_ALREADY if draft.asked_at else None, kind=Stale)
        _require_change(draft, active)

        draft.forget_question()
        draft.asked_by, draft.asked_at = actor, timezone.now()
        draft.save()
        draft.editors.add(actor)
        _record(draft, what="asked", actor=actor)
        return draft


def refuse_activation(*, actor: Person, revision: int | None, reason: str) -> Looks:
    """Give the draft back to who made it, with a reason. Raises NotAllowed, Stale or NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft, _active = _draft(revision)
        second_officer.require(actor, draft, reasons=REASONS, not_waiting=NOT_ASKED)
        reason = given_reason(reason)

        draft.give_back(by=actor, reason=reason, now=timezone.now())
        draft.save()
        _record(draft, what="refused", actor=actor, reason=reason)
        return draft


def activate(*, actor: Person, revision: int | None, four_eyes: bool) -> Looks:
    """Have everybody see the draft. four_eyes: who worked on it does not activate it.

    Raises NotAllowed, Stale, or NotPossible where nothing differs.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        draft, active = _draft(revision)
        if four_eyes:
            require_other_eyes(draft, actor=actor)
        _require_change(draft, active)

        if active is not None:
            active.retire()
            active.save()
        draft.forget_question()
        draft.activate()
        draft.save()
        _record(draft, what="activated", actor=actor)
    looks_queries.forget()
    return draft


def discard(*, actor: Person, revision: int | None) -> Looks:
    """Discard the draft; nobody has ever seen it. Raises NotAllowed or Stale."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft, _active = _draft(revision)

        _record(draft, what="discarded", actor=actor)
        Looks.objects.filter(pk=draft.pk).delete()
        return draft


def back_to_ours(*, actor: Person, reason: str) -> Looks:
    """Have everybody see the product's own looks, at once and alone: it shows nothing of the company's.

    Raises NotAllowed, Stale where they are in force, NotPossible without a reason.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        active = _rows().get(VersionState.ACTIVE)
        if active is None:
            raise Stale(OURS_ALREADY)
        reason = given_reason(reason)

        active.retire()
        active.save()
        _record(active, what="retired", actor=actor, reason=reason)
    looks_queries.forget()
    return active


def activation_obstacle(draft: Looks, active: Looks | None) -> Reason | None:
    """Why the draft of the looks is not put in force as it is, or None."""
    return obstacle_of(lambda: _require_change(draft, active))


def _require_change(draft: Looks, active: Looks | None) -> None:
    seen = _content(active if active is not None else Looks())
    refuse(SAME_LOOKS if _content(draft) == seen else None)


def _content(row: Looks) -> dict[str, Any]:
    return {name: getattr(row, name) for name in (*content_fields(Looks), "logo_sha256")}


def _rows() -> dict[str, Looks]:
    """The draft and the version in force, locked, by their states."""
    return {str(row.state): row for row in locking.looks()}


def _draft(revision: int | None) -> tuple[Looks, Looks | None]:
    """The draft that was shown, locked, and the version in force. Raises Stale."""
    rows = _rows()
    draft = rows.get(VersionState.DRAFT)
    if draft is None:
        raise Stale(GONE)
    require(draft.version == revision, else_=CHANGED_MEANWHILE, kind=Stale)
    return draft, rows.get(VersionState.ACTIVE)


def _moved(draft: Looks | None, revision: int | None) -> Reason:
    """The reason why the shown page is outdated."""
    if draft is None:
        return GONE
    return DRAFT_EXISTS if revision is None else CHANGED_MEANWHILE


def _next(active: Looks | None) -> Looks:
    """A draft that begins with the logo in force."""
    newest = Looks.objects.aggregate(number=Max("number"))["number"] or 0
    draft = Looks(number=newest + 1)
    if active is not None:
        for name in LOGO_FIELDS:
            setattr(draft, name, getattr(active, name))
    return draft


def _put_logo(draft: Looks, new: logo.Logo | None, *, remove: bool) -> None:
    if new is not None:
        draft.logo, draft.logo_sha256 = new.content, new.sha256
        draft.logo_width, draft.logo_height = new.width, new.height
    elif remove:
        draft.logo, draft.logo_sha256, draft.logo_width, draft.logo_height = None, "", 0, 0


def _record(row: Looks, *, what: str, actor: Person, **facts: object) -> None:
    audit.record(
        audit.Event.CATALOGUE_CHANGED,
        actor=actor,
        subject=None,
        what=f"looks-{what}",
        code="looks",
        number=row.number,
        **facts,
    )
