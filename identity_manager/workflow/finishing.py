"""When a token and its request are finished: the last step to come ends them, whichever it is."""

from django.utils import timezone

from identity_manager import audit
from identity_manager.models import DeliveryState, RequestState, SoftwareToken, TokenState
from identity_manager.workflow import locking


def activate_if_delivered_and_noted(token: SoftwareToken) -> None:
    """Delivered and acknowledged are independent; whichever comes last makes a sealed token active.

    The token and its parents are locked by the caller.
    """
    delivered = token.delivery in (DeliveryState.SENT, DeliveryState.FETCHED)
    if token.state == TokenState.SEALED and delivered and token.acknowledged_at is not None:
        token.complete()
        token.save()
        complete_request(token)


def complete_request(token: SoftwareToken) -> None:
    """An issued request is completed when its last token is finished, one way or the other."""
    request = token.request
    if request.state == RequestState.ISSUED and all(row.is_finished for row in locking.tokens_of(request)):
        request.complete(now=timezone.now())
        request.save()
        audit.record(audit.Event.REQUEST_COMPLETED, actor=None, subject=request)


def issue_request(token: SoftwareToken) -> None:
    """A request is issued when none of its tokens is on the way to be sealed any more."""
    waiting = (TokenState.ORDERED, TokenState.ISSUING)
    request = token.request
    if request.state == RequestState.ISSUING and all(
        row.state not in waiting for row in locking.tokens_of(request)
    ):
        request.issue(now=timezone.now())
        request.save()
        audit.record(audit.Event.REQUEST_ISSUED, actor=None, subject=request)
        complete_request(token)
