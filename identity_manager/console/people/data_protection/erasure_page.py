"""The page on which a person is erased: what it does, why it may not be possible, who has agreed so far."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import Person, PersonErasure, PersonState
from identity_manager.people import erasure, registration_policy
from identity_manager.transactions import second_officer
from identity_manager.workflow.archive import loss
from identity_manager.workflow.archive.loss import Afterwards


def context(actor: Person, person: Person, *, form: VerbForm) -> dict[str, Any]:
    """The context of the erasure page, before and after a confirmation is asked for."""
    waiting = PersonErasure.objects.waiting().filter(person=person).select_related("asked_by").first()
    not_second = second_officer.obstacle(actor, waiting, erasure.REASONS) if waiting else None
    obstacle = erasure.OWN_RECORD if actor.pk == person.pk else erasure.obstacle(person)
    return {
        "tab": "search",
        "person": person,
        "form": form,
        "waiting": waiting,
        "obstacle": obstacle,
        "losses": loss.of_person(person.pk, afterwards=Afterwards.ERASED),
        **_last_copies(person),
        "confirms": waiting is not None and not_second is None,
        "not_second": not_second,
    }


def is_offered(actor: Person, person: Person) -> bool:
    """Whether the person's page links to the erasure: as long as the person is not erased."""
    offered = person.state == PersonState.LOCKED and registration_policy.registers(actor, person)
    return offered and not erasure.is_erased(person)


def _last_copies(person: Person) -> dict[str, Any]:
    """How many archived keys there are, and the day on which the last copy of one is unreadable.

    Backups have copies until they are removed, and the keys of the ring that opens them stay as long.
    """
    erased_at = person.erasures.filter(erased_at__isnull=False).values_list("erased_at", flat=True).first()
    gone = timezone.localdate(erased_at) + timedelta(days=settings.BACKUP_KEPT_DAYS)
    return {
        "archived": person.archived_keys.count(),
        "is_erased": erased_at is not None,
        "unreadable_on": gone,
        "backup_kept_days": settings.BACKUP_KEPT_DAYS,
    }
