"""Words for roles: what each may do, and the state of an assignment."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.models import Role, RoleAssignment
from identity_manager.models.people.role import today
from identity_manager.models.words import Vocabulary

MAY = Vocabulary(
    "what roles may",
    {
        Role.SELF_SERVICE_USER: _("Signs in to Self-Service: own tasks, requests and software tokens."),
        Role.TOKEN_ADMINISTRATOR: _(
            "Enables persons; cancels, retries, sends again; revokes and holds tokens."
        ),
        Role.APPROVER: _("Approves, rejects or postpones requests."),
        Role.REGISTRATION_OFFICER: _("Creates, edits, activates and locks persons; imports; sign-in codes."),
        Role.USER_ADMINISTRATOR: _("Assigns and withdraws roles, never their own."),
        Role.RECOVERY_OFFICER: _(
            "Confirms, with a second one, the certificates for which keys are archived; holds shares."
        ),
        Role.AUDITOR: _("Reads everything but files, passphrases and codes; changes nothing."),
        Role.SYSTEM_ADMINISTRATOR: _("Token types, profiles, terms, jobs; no person's business."),
    },
)


def state_of(held: RoleAssignment) -> tuple[str, str]:
    """Meaning and word of an assignment's badge."""
    if held.is_in_force(today()):
        return "done", gettext("in force")
    begins_later = held.valid_from is not None and held.valid_from > today()
    return ("waiting", gettext("begins later")) if begins_later else ("stopped", gettext("has ended"))
