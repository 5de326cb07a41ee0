"""Unconfirmed installation: the page of a token that nobody has said to be installed."""

from typing import Any

from django.utils import timezone

from identity_manager.console.access import installations
from identity_manager.console.delivery.forms import LeaveForm
from identity_manager.models import InstallationNotice, Person
from identity_manager.workflow.delivery import installation_check


def context(actor: Person, notice: InstallationNotice, form: LeaveForm) -> dict[str, Any]:
    """The facts and the answers; none once it is answered, or to the owner."""
    is_open = installations.answered_by(actor).filter(pk=notice.pk).exists()
    own = installation_check.YOUR_OWN if notice.token.person_id == actor.pk else installation_check.ANSWERED
    return {
        "tab": "open_tasks",
        "notice": notice,
        "token": notice.token,
        "obstacle": None if is_open else own,
        "held_up": notice.is_to_be_revoked(timezone.now()),
        "form": form,
    }
