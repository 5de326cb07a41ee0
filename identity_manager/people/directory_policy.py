"""Permissions on directory sources and their runs: pure functions that return reasons."""

from django.utils.translation import gettext_lazy as _

from identity_manager.models import DirectoryRun, Person, Role
from identity_manager.models.people.vouching import Exclusion
from identity_manager.people import registration_policy
from identity_manager.transactions import second_officer
from identity_manager.transactions.refusals import Reason

NOT_EVERYWHERE = Reason(
    "directory-everywhere",
    _(
        "A directory reaches every organisational unit, so only a Registration Officer of all of them"
        " does this."
    ),
)
NOT_YOURS_TO_START = Reason(
    "directory-not-yours",
    _("A System Administrator, or a Registration Officer of all organisational units, does this."),
)
OWN_WORD = Reason(
    "directory-own-word", _("You have let this run go on already. Another Registration Officer has to agree.")
)
NOT_STOPPED = Reason("directory-not-stopped", _("This run does not wait for a decision any more."))
REASONS: second_officer.Reasons = {Exclusion.OFFICE: NOT_EVERYWHERE, Exclusion.ASKED: OWN_WORD}


def starting_obstacle(actor: Person) -> Reason | None:
    """Why this actor cannot start a directory run, or None."""
    may = registration_policy.registers_everywhere(actor) or (
        actor.is_active and actor.has_role(Role.SYSTEM_ADMINISTRATOR)
    )
    return None if may else NOT_YOURS_TO_START


def deciding_obstacle(actor: Person, row: DirectoryRun) -> Reason | None:
    """Why this actor does not let the stopped run go on, or None (models.second_officer)."""
    return second_officer.obstacle(actor, row, REASONS) if row.waits() else NOT_STOPPED
