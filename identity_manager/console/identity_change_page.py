"""What the pages about a change of e-mail, UPN or SID show to this officer."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import ngettext

from identity_manager.console import second_officers
from identity_manager.console.refusals import VerbForm
from identity_manager.models import IdentityChange, IdentityChangeState, Person
from identity_manager.people import identity_change_policy as questions
from identity_manager.people import registration_policy
from identity_manager.people.identity_changes import NotConfirmed, overtaken
from identity_manager.ui import states

REFUSED_NAMED = 5
AT_ONCE = 200  # a person looks at each of them


def several(actor: Person, *, form: VerbForm) -> dict[str, Any]:
    """For the page of all that wait for this officer, oldest first."""
    waiting = questions.confirmable_by(actor)
    return {"tab": "open_tasks", "form": form, "rows": waiting[:AT_ONCE], "total": waiting.count()}


def tell(request: HttpRequest, changes: Sequence[IdentityChange], left: list[NotConfirmed]) -> None:
    """What became of several changes: how many are done, and why the first of the others are not."""
    if done := len(changes) - len(left):
        words = ngettext("%(number)d change is confirmed.", "%(number)d changes are confirmed.", done)
        messages.success(request, words % {"number": done})
    names = {row.pk: row.person.display_name for row in changes}
    for each in left[:REFUSED_NAMED]:
        messages.warning(request, f"{names[each.change_id]}: {each.refused}")
    if (others := len(left) - REFUSED_NAMED) > 0:
        words = ngettext("%(number)d more is not confirmed.", "%(number)d more are not confirmed.", others)
        messages.warning(request, words % {"number": others})


def context(actor: Person, change: IdentityChange, *, form: VerbForm) -> dict[str, Any]:
    """For the page of one change: what it says, how far it is, what this officer can do about it."""
    waits = change.state == IdentityChangeState.WAITING
    obstacle = questions.deciding_obstacle(actor, change)
    return {
        "tab": "search",
        "change": change,
        "person": change.person,
        "form": form,
        "waits": waits,
        "meaning": states.meaning_of(change),
        "decides": waits and obstacle is None,
        "obstacle": obstacle if waits else None,
        "overtaken": overtaken(change) if waits else None,
        **second_officers.named(questions.second_officers(change)),
        "withdraws": waits
        and change.person_id != actor.pk
        and registration_policy.registers(actor, change.person),
    }
