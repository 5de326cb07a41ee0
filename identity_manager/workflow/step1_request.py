"""Step 1, option: the person requests in Self-Service, which opens the same kind of request.

PstmProcRequestInitialSofttokenUSSP of Nexus.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction

from identity_manager.models import Person, RequestOrigin, Role, TokenRequest
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, refuse, require
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy import purpose as purposes
from identity_manager.workflow.requests import opening


def request(*, actor: Person, type_ids: Sequence[uuid.UUID], purpose: str = "") -> TokenRequest:
    """Open a request of the actor for themselves. Raises NotAllowed, or NotPossible with the reason."""
    with transaction.atomic():
        person = locking.person(actor.pk)
        refuse(eligibility.person_obstacle(person))
        require(
            person.has_role(Role.SELF_SERVICE_USER),
            else_=eligibility.NOT_SELF_SERVICE_USER,
            kind=NotAllowed,
        )
        choices = eligibility.chosen_types(person, type_ids)
        said = purposes.cleaned(purpose, [choice.token_type for choice in choices])

        asking = opening.Origin(person, person, RequestOrigin.SELF_SERVICE, said)
        return opening.open_request(asking, choices=choices)
