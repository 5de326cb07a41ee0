"""Separation of duties: which roles one person does not have together, and why.

They are listed in docs/reference/permissions.md.
"""

from django.utils.translation import gettext_lazy as _

from identity_manager.models import OFFICER_ROLES, Role

CONFLICT = _(
    "This does not go together with the role %(role)s, which this person has: %(why)s"
    " The settings of this installation can allow it."
)
WATCHES = _("who watches does not act.")
STARTS = _("who starts a request does not decide on it.")
SIGNS_IN_AND_STARTS = _("who can make a sign-in for a person does not start requests for them.")
ENTERS_AND_GIVES = _("who enters persons does not make officers of them.")
ENTERS_AND_DECIDES = _("who enters persons and makes their sign-in does not decide on their requests.")
ENTERS_AND_RECOVERS = _("who can make a sign-in for a person does not decide on the recovery of keys.")
STARTS_AND_RECOVERS = _("who starts requests does not decide on the recovery of keys.")
RUNS_AND_RECOVERS = _("who says which keys are archived does not decide on their recovery.")
CONFLICTS = {
    frozenset({Role.TOKEN_ADMINISTRATOR, Role.APPROVER}): STARTS,
    frozenset({Role.REGISTRATION_OFFICER, Role.TOKEN_ADMINISTRATOR}): SIGNS_IN_AND_STARTS,
    frozenset({Role.REGISTRATION_OFFICER, Role.USER_ADMINISTRATOR}): ENTERS_AND_GIVES,
    frozenset({Role.REGISTRATION_OFFICER, Role.APPROVER}): ENTERS_AND_DECIDES,
    frozenset({Role.REGISTRATION_OFFICER, Role.RECOVERY_OFFICER}): ENTERS_AND_RECOVERS,
    frozenset({Role.RECOVERY_OFFICER, Role.TOKEN_ADMINISTRATOR}): STARTS_AND_RECOVERS,
    frozenset({Role.RECOVERY_OFFICER, Role.SYSTEM_ADMINISTRATOR}): RUNS_AND_RECOVERS,
    **{frozenset({Role.AUDITOR, other}): WATCHES for other in OFFICER_ROLES - {Role.AUDITOR}},
}
