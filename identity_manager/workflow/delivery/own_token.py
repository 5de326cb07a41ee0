"""Lock a token for a verb of its owner."""

import uuid

from identity_manager.models import Person, SoftwareToken
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, require
from identity_manager.workflow.policy import eligibility, permitted_actions


def locked(*, actor: Person, token_id: uuid.UUID) -> SoftwareToken:
    """Return the token, locked. Raises NotAllowed unless it is the actor's and the actor is Active."""
    token = locking.token(token_id)
    require(token.person_id == actor.pk, else_=eligibility.NOT_YOURS, kind=NotAllowed)
    require(token.person.is_active, else_=permitted_actions.NOT_ACTIVE, kind=NotAllowed)
    return token
