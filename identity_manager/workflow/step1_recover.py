"""Step 1, recovery: archived keys come into new containers under a new passphrase.

PstmProcRecoverMultipleSofttoken of the original. The owner asks here and an online recovery key opens them;
two Recovery Officers open all others. No CA is asked, and nothing is issued: the token that carries the files
goes on at step 6. The old passphrase and files stay as they are.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from identity_manager.models import ArchivedKey, Opening, Person, Role, TokenRequest
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, refuse, require
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import opening, policy
from identity_manager.workflow.recovery.opening import RecoveryOrder


@dataclass(frozen=True)
class KeyChoice:
    """An archived key of the person, as the form shows it: to be recovered by themselves, or why not."""

    key: ArchivedKey
    for_reading_only: bool
    reason: Reason | None


def choices(owner: Person) -> list[KeyChoice]:
    """The person's archived keys, present and past, the newest first."""
    rows, now = policy.recoverable(owner), timezone.now()
    online = policy.sealed_online(rows, now=now)
    return [
        KeyChoice(
            row,
            policy.is_for_reading_only(row, now=now),
            None if row.pk in online else policy.ONLY_OFFICERS,
        )
        for row in rows
    ]


def recover(
    *, actor: Person, key_ids: Collection[uuid.UUID], purpose: str, factor: int | None
) -> TokenRequest:
    """**Recover multiple softtoken**: the actor's own keys, which a worker opens with an online recovery key.

    factor: the second factor that the actor has just shown. Raises NotAllowed, NotPossible at `keys` or
    `purpose`, or Stale.
    """
    with transaction.atomic():
        person = locking.person(actor.pk)
        refuse(eligibility.person_obstacle(person))
        self_service = person.has_role(Role.SELF_SERVICE_USER)
        require(self_service, else_=eligibility.NOT_SELF_SERVICE_USER, kind=NotAllowed)
        refuse(policy.online_obstacle(person, factor=factor, now=timezone.now()), kind=NotAllowed)
        offered = {choice.key.pk: choice for choice in choices(person)}
        require(set(key_ids) <= set(offered), else_=policy.UNKNOWN_KEY, field="keys")
        chosen = [offered[pk] for pk in dict.fromkeys(key_ids)]
        refuse(next((each.reason for each in chosen if each.reason), None), field="keys")

        recovery = opening.open_recovery(
            RecoveryOrder(
                actor=person,
                owner=person,
                beneficiary=person,
                keys=[each.key for each in chosen],
                purpose=purpose,
                opening=Opening.ONLINE,
                factor=factor,
            )
        )
        request = locking.request(recovery.request_id)
        opening.begin(request, actor=person)
        return request
