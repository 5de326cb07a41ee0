"""An administrator reminds a person, beside the reminder jobs: of terms, or of a passphrase to be noted."""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import deduplication, outbox, request_messages, token_messages
from identity_manager.models import OutgoingMail, Person, RequestState, SoftwareToken, TokenRequest
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.policy import eligibility

NOTHING_TO_REMIND = Reason(
    "nothing-to-remind", _("This request does not wait for its person: there is nothing to remind them of.")
)
REMINDED_TODAY = Reason("reminded-today", _("The person was reminded of this today."))


def obstacle(request: TokenRequest) -> Reason | None:
    """Why nobody can remind the person of this request now, or None."""
    if not request.person.is_active:
        return eligibility.person_obstacle(request.person)
    waiting = _waiting(request)
    if not waiting:
        return NOTHING_TO_REMIND
    return REMINDED_TODAY if outbox.known(list(waiting)) >= set(waiting) else None


def remind(*, actor: Person, request_id: uuid.UUID) -> TokenRequest:
    """Mail the person what waits for them, once a day. Raises NotAllowed, or Stale."""
    with transaction.atomic():
        request = locking.request(request_id)
        administers = eligibility.administers(actor, request.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(obstacle(request), kind=Stale)

        waiting = _waiting(request)
        told = outbox.known(list(waiting))
        for occasion, token in waiting.items():
            if occasion not in told:
                outbox.enqueue(_mail(request, token, occasion), by_sweep=True)
        audit.record(audit.Event.REQUEST_REMINDED, actor=actor, subject=request)
        return request


def _waiting(request: TokenRequest) -> dict[str, SoftwareToken | None]:
    """What waits for the person, by today's deduplication key: the terms (None), or tokens to be noted."""
    day = timezone.localdate()
    if request.state == RequestState.AWAITING_ACCEPTANCE and request.stopped_at is None:
        return {deduplication.by_hand("acceptance-reminder", request.pk, day): None}
    tokens = (
        SoftwareToken.objects.to_be_noted().filter(request=request).defer("passphrase_wrapped").order_by("pk")
    )
    return {deduplication.by_hand("passphrase-reminder", token.pk, day): token for token in tokens}


def _mail(request: TokenRequest, token: SoftwareToken | None, occasion: str) -> OutgoingMail:
    if token is None:
        return request_messages.acceptance_reminder(request, occasion=occasion)
    token.request, token.person = request, request.person
    return token_messages.passphrase_reminder(token, occasion=occasion)
