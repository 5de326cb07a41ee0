"""The page on which a person is erased: what it does, why it may not be possible, who has agreed so far."""

from typing import Any

from django.db.models import QuerySet

from identity_manager.console.access import offices
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import Person, PersonErasure, PersonState, Role
from identity_manager.people import erasure


def context(actor: Person, person: Person, *, form: VerbForm) -> dict[str, Any]:
    """What the page draws, whatever led here."""
    waiting = PersonErasure.objects.waiting().filter(person=person).select_related("asked_by").first()
    obstacle = erasure.OWN_RECORD if actor.pk == person.pk else erasure.obstacle(person)
    return {
        "tab": "search",
        "person": person,
        "form": form,
        "waiting": waiting,
        "obstacle": obstacle,
        "confirms": waiting is not None and waiting.asked_by_id != actor.pk,
    }


def is_offered(actor: Person, person: Person) -> bool:
    """Whether the person's page leads there: as long as there is somebody."""
    offered = person.state == PersonState.LOCKED and erasure.may_erase(actor, person)
    return offered and not erasure.is_erased(person)


def confirmable_by(actor: Person) -> QuerySet[PersonErasure]:
    """Erasures that wait for this officer, oldest first."""
    rows = PersonErasure.objects.waiting().exclude(asked_by=actor).exclude(person=actor)
    unit = offices.within_units(actor, {Role.REGISTRATION_OFFICER}, "person__organisational_unit")
    return rows.filter(unit).select_related("person", "asked_by").order_by("asked_at")
