"""The recovery key of a recovery is chosen anew if its archived keys were re-addressed after the decisions.

The officers' decisions stay: they decide on owner, keys and beneficiary, not on the recovery key that opens
them. Without this, shares of the former recovery key would be asked for, which opens nothing any more.
"""

import uuid

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import ArchivedKeyRecipient, RecoveredKey, Recovery, RequestState
from identity_manager.transactions import retry_later
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import decisions, officers_keys, sealed_decisions

KEYS_MOVED = Reason(
    "recovery-keys-moved",
    _("The archived keys are sealed for another recovery key now. Its officers give their shares."),
)
WAITING = (RequestState.REQUESTED, RequestState.FAILED)


def choose_anew() -> int:
    """Job: choose the recovery key of each such recovery anew; return how many."""
    return retry_later.for_each_isolated(list(_moved().values_list("pk", flat=True)), _choose)


def _moved() -> QuerySet[Recovery]:
    """Recoveries that two officers have agreed to, some of whose keys that recovery key does not open."""
    opened = ArchivedKeyRecipient.objects.filter(
        key=OuterRef("archived_key"), certificate=OuterRef("recovery__opened_with")
    )
    keys = RecoveredKey.objects.filter(recovery=OuterRef("pk"), archived_key__isnull=False)
    rows = Recovery.objects.filter(opened_with__isnull=False, request__state__in=WAITING)
    return rows.filter(Exists(keys.filter(~Exists(opened)))).order_by("pk")


def _choose(recovery_id: uuid.UUID) -> bool:
    with transaction.atomic():
        recovery = decisions.locked(recovery_id)
        if not _goes_on(recovery):
            return False
        found = decisions.recovery_certificate_for(recovery)
        if isinstance(found, Reason) or found == recovery.opened_with or decisions.suspends(recovery):
            return False
        officers_keys.erase_unused_shares(recovery.request_id, KEYS_MOVED)
        decisions.go_on(recovery=recovery, certificate=found, actor=None)
        return True


def _goes_on(recovery: Recovery) -> bool:
    """Whether an officer's share would be taken now, as decisions.give_share says."""
    request = recovery.request
    waits = request.state in WAITING and not request.is_stopped and not recovery.is_over(timezone.now())
    able = eligibility.person_obstacle(request.person) is None
    return waits and able and sealed_decisions.obstacle(recovery) is None
