"""Expiry of recoveries for a third person: after the last day nothing is decided, opened or delivered."""

import uuid

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import EndReason, Recovery, SoftwareToken
from identity_manager.models.requests.states import BEFORE_ISSUED
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.people import anonymisation
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow import completion
from identity_manager.workflow.recovery import officers_keys, policy
from identity_manager.workflow.requests import cancellation


def end_over() -> int:
    """Job: cancel expired recoveries, delete their files and passphrases; return how many."""
    under_way = Q(request__state__in=BEFORE_ISSUED) | Q(request__tokens__state__in=IN_USE)
    over = Recovery.objects.filter(under_way, expires_at__lte=timezone.now()).order_by("pk").distinct()
    return retry_later.for_each_isolated(list(over.values_list("request_id", flat=True)), _end)


def _end(request_id: uuid.UUID) -> bool:
    with transaction.atomic():
        request = locking.request(request_id)
        if request.state in BEFORE_ISSUED:
            officers_keys.erase_unused_shares(request.pk, policy.OVER)
            cancellation.end_request(request, actor=None, reason=EndReason.RECOVERY_OVER)
            return True
        tokens = [each for each in locking.tokens_of(request) if each.is_in_use]
        for token in tokens:
            _expire(token)
        return bool(tokens)


def _expire(token: SoftwareToken) -> None:
    had_passphrase = token.passphrase_wrapped is not None
    token.expire(now=timezone.now())
    token.save()
    removed = anonymisation.remove_containers(token)
    if had_passphrase:
        audit.record(audit.Event.PASSPHRASE_DESTROYED, actor=None, subject=token)
    audit.record(audit.Event.CONTAINERS_REMOVED, actor=None, subject=token, rows=removed)
    audit.record(audit.Event.TOKEN_EXPIRED, actor=None, subject=token)
    completion.complete_request(token)
