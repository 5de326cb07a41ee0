"""Lapse of requests without acceptance and of tokens without acknowledged passphrase, after their time."""

import uuid
from functools import partial

from django.db import transaction
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import request_messages, token_messages
from identity_manager.models import EndReason, Person, SoftwareToken, TokenRequest
from identity_manager.transactions import locking, retry_later
from identity_manager.workflow import completion
from identity_manager.workflow.revocation import revoke


def lapse_request(*, request_id: uuid.UUID) -> bool:
    """Lapse a request whose terms were not accepted in time; False if accepted meanwhile."""
    with transaction.atomic():
        request = locking.request(request_id)
        now = timezone.now()
        if not request.is_overdue(now):
            return False
        request.lapse(now=now)
        request.save()
        for token in locking.lines_of(request):
            token.cancel(reason=EndReason.NOT_ACCEPTED, now=now)
            token.save()
        outbox.enqueue(request_messages.request_lapsed(request), by_sweep=True)
        audit.record(audit.Event.REQUEST_LAPSED, actor=None, subject=request)
        return True


def lapse_token(*, token_id: uuid.UUID) -> bool:
    """Lapse a token whose passphrase was not noted in time: destroy it, revoke the certificates.

    False if noted.
    """
    with transaction.atomic():
        token = locking.token(token_id)
        if not token.is_overdue(timezone.now()):
            return False
        lapse_locked_token(token, actor=None, reason=EndReason.NOT_NOTED)
        return True


def lapse_locked_token(token: SoftwareToken, *, actor: Person | None, reason: str) -> None:
    """Lapse a sealed token in the caller's transaction, with its parents locked."""
    token.lapse(reason=reason, now=timezone.now())
    token.save()
    revoke.revoke_certificates(token, reason=RevocationReason.CESSATION_OF_OPERATION, actor=actor)
    outbox.enqueue(token_messages.token_lapsed(token), by_sweep=True)
    audit.record(audit.Event.PASSPHRASE_DESTROYED, actor=actor, subject=token)
    audit.record(audit.Event.TOKEN_LAPSED, actor=actor, subject=token, reason=reason)
    completion.complete_request(token)


def lapse_overdue() -> int:
    """Job: lapse overdue rows, longest overdue first, one transaction each; returns how many."""
    now = timezone.now()
    tokens = SoftwareToken.objects.overdue(now).order_by("passphrase_destroy_at", "pk")
    requests = TokenRequest.objects.overdue(now).order_by("accept_before", "pk")
    verbs = {pk: partial(lapse_token, token_id=pk) for pk in tokens.values_list("pk", flat=True)}
    verbs |= {pk: partial(lapse_request, request_id=pk) for pk in requests.values_list("pk", flat=True)}
    return retry_later.for_each_isolated(verbs, lambda pk: verbs[pk]())
