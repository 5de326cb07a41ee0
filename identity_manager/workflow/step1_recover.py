"""Step 1, recovery: a request for archived keys in new containers under a new passphrase.

PstmProcRecoverMultipleSofttoken of Nexus. The owner's request is opened with an online recovery key;
all others need two Recovery Officers. No CA is asked: the token that carries the files goes on at step 6. The
old passphrase and files stay as they are.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from identity_manager.mail import outbox
from identity_manager.mail.messages import recovery_messages
from identity_manager.models import ArchivedKey, Opening, Person, Role, TokenRequest
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, refuse, require
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import consent, creation, officers_keys, officers_policy, policy
from identity_manager.workflow.recovery.creation import RecoveryOrder


@dataclass(frozen=True)
class KeyChoice:
    """A choice of the recovery form: an archived key, and why its owner cannot recover it alone, if so."""

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
    """Request the actor's own archived keys, opened by a worker with an online recovery key
    (**Recover multiple softtoken**).

    factor: the second factor of the present sign-in. Raises NotAllowed, NotPossible at `keys` or `purpose`,
    or Stale.
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

        recovery = creation.open_recovery(
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
        creation.begin(request, actor=person)
        return request


@dataclass(frozen=True)
class OfficersOrder:
    """A recovery that two Recovery Officers decide on: keys, beneficiary and purpose.

    beneficiary: the owner, or a third person; then with a reference number and an end (its last day).
    ask_owner: whether the owner is asked if they agree that the third person gets their keys.
    """

    owner_id: uuid.UUID
    beneficiary_id: uuid.UUID
    key_ids: Collection[uuid.UUID]
    purpose: str
    reference: str = ""
    until: date | None = None
    ask_owner: bool = False


def recover_by_officers(*, actor: Person, order: OfficersOrder) -> TokenRequest:
    """Request a person's archived keys, by a Software Token Administrator; two Recovery Officers decide.

    Raises NotAllowed, NotPossible at a field of the form, or Stale.
    """
    with transaction.atomic():
        persons = {row.pk: row for row in locking.persons({order.owner_id, order.beneficiary_id})}
        owner, beneficiary = persons[order.owner_id], persons[order.beneficiary_id]
        _check_asker(actor, owner, beneficiary)
        _check_beneficiary(owner, beneficiary, order)
        theirs = {key.pk: key for key in policy.recoverable(owner)}
        require(set(order.key_ids) <= set(theirs), else_=policy.UNKNOWN_KEY, field="keys")
        chosen = [theirs[pk] for pk in dict.fromkeys(order.key_ids)]
        together = not chosen or officers_keys.choose([key.pk for key in chosen], now=timezone.now())
        require(together, else_=officers_policy.NOT_TOGETHER, field="keys")

        recovery = creation.open_recovery(
            RecoveryOrder(
                actor=actor,
                owner=owner,
                beneficiary=beneficiary,
                keys=chosen,
                purpose=order.purpose,
                opening=Opening.OFFICERS,
                reference=order.reference.strip(),
                expires_at=_end_of(order.until),
                approvals_needed=officers_policy.NEEDED,
                tell_owner=False,
            )
        )
        outbox.enqueue_each(
            recovery_messages.recovery_to_decide(recovery, officer)
            for officer in officers_policy.deciders(recovery)
        )
        if order.ask_owner:
            consent.ask(recovery)
        return recovery.request


def _check_asker(actor: Person, owner: Person, beneficiary: Person) -> None:
    administers = eligibility.administers(actor, owner)
    require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
    for person in (owner, beneficiary):
        refuse(eligibility.code_obstacle(actor, person), kind=NotAllowed)


def _check_beneficiary(owner: Person, beneficiary: Person, order: OfficersOrder) -> None:
    refuse(eligibility.person_obstacle(beneficiary), field="beneficiary")
    in_portal = beneficiary.has_role(Role.SELF_SERVICE_USER)
    require(in_portal, else_=officers_policy.BENEFICIARY_NOT_IN_PORTAL, field="beneficiary")
    if owner.pk == beneficiary.pk:
        return
    require(order.reference.strip(), else_=officers_policy.NO_REFERENCE, field="reference")
    today = timezone.localdate()
    latest = today + officers_policy.LONGEST_FOR_ANOTHER
    in_time = order.until is not None and today <= order.until <= latest
    require(in_time, else_=officers_policy.NO_END, field="until")


def _end_of(day: date | None) -> datetime | None:
    """Midnight after the last day, in the time zone of the installation."""
    if day is None:
        return None
    zone = timezone.get_default_timezone()
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
