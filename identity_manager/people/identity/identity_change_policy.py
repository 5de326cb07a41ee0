"""Pure questions on changes of e-mail, UPN and SID, with reasons: who decides, and what waits meanwhile."""

from collections.abc import Collection

from django.utils.translation import gettext_lazy as _

from identity_manager.models import IdentityChange, Person
from identity_manager.models.people.vouching import Exclusion
from identity_manager.people import registration_policy
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions import second_officer
from identity_manager.transactions.refusals import Reason

OWN_CHANGE = Reason("own-change", _("This is about yourself. Another Registration Officer decides."))
OWN_ASKING = Reason("own-asked-change", _("You asked for this change. Another Registration Officer decides."))
FROZEN = Reason(
    "identity-change-waits",
    _(
        "A change of e-mail, user principal name, security identifier or external id waits for a second"
        " officer. Until it is decided nothing is delivered and no passphrase is shown."
    ),
)
REASONS: second_officer.Reasons = {
    Exclusion.OFFICE: registration_policy.NOT_REGISTRATION_OFFICER,
    Exclusion.OWN: OWN_CHANGE,
    Exclusion.ASKED: OWN_ASKING,
    **vouching_policy.REASONS,
}


def waiting_for(person: Person) -> IdentityChange | None:
    """The change of the person that waits for a decision, or None. Lists prefetch `identity_changes`."""
    changes = person.identity_changes.all()
    return next((change for change in changes if change.waits()), None)


def waiting_fields(person: Person) -> Collection[str]:
    """Fields (e-mail, UPN, SID) that the person does not have yet, because they wait for a second officer."""
    waiting = waiting_for(person)
    return () if waiting is None else [name for name in waiting.new if not getattr(person, name)]


def deciding_obstacle(actor: Person, change: IdentityChange) -> Reason | None:
    """Why this actor does not decide on the change of identity, or None (models.second_officer)."""
    return second_officer.obstacle(actor, change, REASONS)
