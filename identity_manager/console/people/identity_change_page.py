"""Page context of changes of e-mail, UPN or SID."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import ngettext

from identity_manager.console.forms import refusals
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people import second_officers
from identity_manager.models import IdentityChange, Person
from identity_manager.people import registration_policy
from identity_manager.people.identity import identity_change_policy
from identity_manager.people.identity.identity_changes import NotConfirmed, overtaken
from identity_manager.ui import states

AT_ONCE = 200  # a page that an officer can check


def several(actor: Person, *, form: VerbForm) -> dict[str, Any]:
    """The context of all changes that wait for this officer, oldest first."""
    rows = IdentityChange.objects.decidable_by(actor).listed()
    waiting = rows.select_related("person", "asked_by")
    return {"tab": "open_tasks", "form": form, "rows": waiting[:AT_ONCE], "total": waiting.count()}


def tell(request: HttpRequest, changes: Sequence[IdentityChange], left: list[NotConfirmed]) -> None:
    """Messages after a bulk confirmation: how many succeeded, and the first refusals."""
    if done := len(changes) - len(left):
        words = ngettext("%(number)d change is confirmed.", "%(number)d changes are confirmed.", done)
        messages.success(request, words % {"number": done})
    persons = {row.pk: row.person for row in changes}
    refusals.show_several_refusals(
        request, [(persons[each.change_id], each.refused) for each in left], more=refusals.more_not_confirmed
    )


def context(actor: Person, change: IdentityChange, *, form: VerbForm) -> dict[str, Any]:
    """The context of one change: values, state, and what this officer can do about it."""
    waits = change.waits()
    obstacle = identity_change_policy.deciding_obstacle(actor, change)
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
        **second_officers.named(change.second_officers()),
        "withdraws": waits
        and change.person_id != actor.pk
        and registration_policy.registers(actor, change.person),
    }
