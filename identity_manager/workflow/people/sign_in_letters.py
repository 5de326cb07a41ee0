"""Sign-in letters: codes for a selection of persons, asked for and made one by one, for printing."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from identity_manager.models import Person, SignInCode
from identity_manager.transactions.refusals import NotPossible, Reason, Refused
from identity_manager.workflow.people import sign_in_code_policy, sign_in_codes
from identity_manager.workflow.people.sign_in_code_policy import Stage

MOST = 200
TOO_MANY = Reason(
    "too-many-letters", _("Letters are printed for at most 200 persons at once. Choose fewer of them.")
)
NOBODY = Reason(
    "nobody",
    _("Nobody is chosen, or the letters of this selection are made already. Choose persons in SEARCH."),
)


@dataclass(frozen=True)
class Letter:
    """One person's code in clear text, for the printed page only."""

    code: SignInCode
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Batch:
    """Result for a selection: codes made, codes that wait for a second officer, and refusals."""

    letters: list[Letter]
    waiting: list[Person]
    refused: list[tuple[Person, Reason]]


def preview(*, actor: Person, persons: Sequence[Person]) -> Batch:
    """Return what `make` would do; change nothing. The letters have no code."""
    batch = Batch([], [], [])
    for person in persons:
        reason = sign_in_code_policy.obstacle(actor, person)
        if reason is not None:
            batch.refused.append((person, reason))
        elif sign_in_code_policy.needs_confirmation(person) and not _is_ready(actor, person):
            batch.waiting.append(person)
        else:
            batch.letters.append(Letter(SignInCode(person=person, asked_by=actor), ""))
    return batch


def make(*, actor: Person, person_ids: Sequence[uuid.UUID], chosen_at: datetime) -> Batch:
    """Make a code for each person who can have one now; ask for it if a second officer has to confirm.

    Who got a code since chosen_at gets no other one: two prints of one selection must not void each other's
    letters. Each person has their own transaction, so that a refusal does not affect others. Raises
    NotPossible (nobody, or more than MOST) before anything is done.
    """
    if not person_ids:
        raise NotPossible(NOBODY)
    if len(person_ids) > MOST:
        raise NotPossible(TOO_MANY)
    batch = Batch([], [], [])
    for person in Person.objects.filter(pk__in=person_ids).order_by("search_text__by_name", "pk"):
        try:
            _make_one(batch, actor, person, chosen_at)
        except Refused as refused:
            batch.refused.append((person, refused.reason))
    return batch


def _make_one(batch: Batch, actor: Person, person: Person, chosen_at: datetime) -> None:
    code = sign_in_codes.ask(actor=actor, person_id=person.pk, unless_made_since=chosen_at)
    if sign_in_code_policy.stage_of(code) == Stage.WAITING:
        batch.waiting.append(person)
        return
    secret = sign_in_codes.make(actor=actor, code_id=code.pk)
    code.refresh_from_db()
    batch.letters.append(Letter(code, secret))


def _is_ready(actor: Person, person: Person) -> bool:
    """Whether a second officer has confirmed the code that this officer asked for."""
    return any(code.person_id == person.pk for code in sign_in_code_policy.makeable_by(actor))
