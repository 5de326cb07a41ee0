"""Page context of one-time sign-in codes."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people import second_officers
from identity_manager.models import Person, SignInCode
from identity_manager.people import registration_policy
from identity_manager.people.sign_in import second_factors
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.parts import TimelineEvent
from identity_manager.workflow.people import sign_in_code_policy
from identity_manager.workflow.people.sign_in_code_policy import Stage

MEANINGS = {
    Stage.WAITING: "waiting",
    Stage.READY: "information",
    Stage.MADE: "waiting",
    Stage.USED: "done",
    Stage.WITHDRAWN: "stopped",
    Stage.EXPIRED: "stopped",
    Stage.OVERTAKEN: "stopped",
}
ENDED = (Stage.USED, Stage.WITHDRAWN, Stage.EXPIRED, Stage.OVERTAKEN)


def card(actor: Person, person: Person) -> dict[str, Any] | None:
    """The card on a person's page: sign-in methods, the present code, or why this officer makes none.

    None for an officer who is no Registration Officer of the person's unit.
    """
    if not registration_policy.registers(actor, person):
        return None
    code = open_code(person)
    return {
        "account": getattr(person, "account", None),
        "code": code,
        "badge": badge(code) if code else None,
        "obstacle": sign_in_code_policy.obstacle(actor, person),
    }


def asking(actor: Person, person: Person, *, form: VerbForm) -> dict[str, Any]:
    """The context before a code is asked for: its consequences."""
    return {
        "tab": "search",
        "person": person,
        "form": form,
        "obstacle": None if form.refused else sign_in_code_policy.obstacle(actor, person),
        "needs_confirmation": sign_in_code_policy.needs_confirmation(person),
        "has_second_factor": second_factors.person_has_one(person),
        "replaces": open_code(person),
        **consequences(person),
    }


def context(actor: Person, code: SignInCode, *, form: VerbForm) -> dict[str, Any]:
    """The context of one code: its state, and what this officer can do about it."""
    stage = sign_in_code_policy.stage_of(code)
    own = code.asked_by_id == actor.pk
    may_confirm = sign_in_code_policy.second_officer_obstacle(actor, code) is None
    makes, confirms = stage == Stage.READY and own, stage == Stage.WAITING and may_confirm
    return {
        "tab": "search",
        "code": code,
        "person": code.person,
        "form": form,
        "badge": _badge(stage),
        "history": history(code),
        "makes": makes,
        "obstacle": _obstacle(actor, code, makes=makes, confirms=confirms),
        "waits_for_asker": stage == Stage.READY and not own,
        "confirms": confirms,
        "waits_for_officers": stage == Stage.WAITING and not may_confirm,
        **second_officers.named(code.second_officers()),
        "withdraws": stage in (Stage.WAITING, Stage.READY, Stage.MADE) and code.person_id != actor.pk,
        "asks_anew": stage in ENDED,
        "overtaken": stage == Stage.OVERTAKEN,
        **consequences(code.person),
    }


def _obstacle(actor: Person, code: SignInCode, *, makes: bool, confirms: bool) -> Reason | None:
    """Why this officer cannot make or confirm the sign-in code now, or None."""
    if makes:
        return sign_in_code_policy.obstacle(actor, code.person)
    return sign_in_code_policy.person_obstacle(code.person) if confirms else None


def consequences(person: Person) -> dict[str, Any]:
    """The consequences of a code for the person."""
    tokens = sign_in_code_policy.ends_with_a_new_code(person).select_related("token_type", "request")
    return {"lapsing": tokens.defer("passphrase_wrapped", "snapshot")}


def open_code(person: Person) -> SignInCode | None:
    """The latest code that is neither used nor withdrawn nor too old."""
    code = person.sign_in_codes.filter(used_at=None, withdrawn_at=None).first()
    return code if code and sign_in_code_policy.stage_of(code) not in ENDED else None


def badge(code: SignInCode) -> dict[str, str]:
    """The state of the code as a badge: meaning and text."""
    return _badge(sign_in_code_policy.stage_of(code))


def _badge(stage: Stage) -> dict[str, str]:
    return {"meaning": MEANINGS[stage], "word": str(stage.label)}


def history(code: SignInCode) -> list[TimelineEvent]:
    """The events of the code, latest first."""
    steps: list[tuple[str, Person | None, datetime | None]] = [
        (_("Withdrawn"), None, code.withdrawn_at),
        (_("Used"), code.person, code.used_at),
        (_("Made and shown once"), code.asked_by, code.made_at),
        (_("Confirmed"), code.decided_by, code.decided_at),
        (_("Asked for"), code.asked_by, code.asked_at),
    ]
    return [TimelineEvent(at, title, str(actor or "")) for title, actor, at in steps if at is not None]
