"""End of the holds of tokens whose person had not accepted a later version of terms in time."""

import uuid
from collections.abc import Collection

from identity_manager.models import Person, TermsHold
from identity_manager.transactions import locking
from identity_manager.workflow.revocation import hold


def release(person: Person, documents: Collection[uuid.UUID]) -> None:
    """Reinstate the tokens on hold for lack of an acceptance of these documents, and no others.

    In the transaction of the acceptance, with the person locked.
    """
    holds = TermsHold.objects.in_effect(person.pk, documents)
    for pk in list(holds.order_by("token__request_id", "token_id").values_list("token_id", flat=True)):
        token = locking.token(pk)
        if hold.reinstatement_obstacle(token) is None:
            hold.reinstate_token(token, actor=person)
