"""Step 1, standard flow: an administrator enables an Active person for the selected types.

PstmProcRequestInitialSoftwareToken of Nexus. In bulk: batch/bulk_enable.py.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction

from identity_manager.models import Person, RequestOrigin, TokenRequest
from identity_manager.transactions import locking
from identity_manager.workflow.policy import evaluation
from identity_manager.workflow.policy import purpose as purposes
from identity_manager.workflow.requests import opening


def enable(
    *, actor: Person, person_id: uuid.UUID, type_ids: Sequence[uuid.UUID], purpose: str = ""
) -> TokenRequest:
    """Open a request for the person. Raises NotAllowed, or NotPossible with the reason."""
    with transaction.atomic():
        person = locking.person(person_id)
        choices = evaluation.read_context(actor=actor, persons=[person]).types_for(person, type_ids)
        said = purposes.cleaned(purpose, [choice.token_type for choice in choices])

        asking = opening.Origin(actor, person, RequestOrigin.ADMINISTRATOR, said)
        return opening.open_request(asking, choices=choices)
