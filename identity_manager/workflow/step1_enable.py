"""Step 1, standard flow: an administrator enables an Active person for the checked types.

PstmProcRequestInitialSoftwareToken of the original.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction

from identity_manager.models import Person, RequestOrigin, TokenRequest
from identity_manager.workflow import locking, opening, policy
from identity_manager.workflow.errors import NotAllowed, refuse


def enable(*, actor: Person, person_id: uuid.UUID, type_ids: Sequence[uuid.UUID]) -> TokenRequest:
    """Open a request for the person. Raises NotAllowed, or NotPossible with the reason."""
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(None if policy.administers(actor, person) else policy.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(policy.code_obstacle(actor, person), kind=NotAllowed)
        refuse(policy.person_obstacle(person))
        types = policy.chosen_types(person, type_ids)

        asking = opening.Asking(actor, person, RequestOrigin.ADMINISTRATOR)
        return opening.open_request(asking, types=types)
