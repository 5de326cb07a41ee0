"""Opens a request: one line for each checked type, each with its snapshot. Both ways of step 1 end here."""

from collections.abc import Sequence
from dataclasses import dataclass

from identity_manager import audit, outbox
from identity_manager.mail import messages
from identity_manager.models import Person, RequestOrigin, SoftwareToken, TokenRequest, TokenType
from identity_manager.models.token_request import RequestKind
from identity_manager.workflow import policy, snapshot, step2_approve


@dataclass(frozen=True)
class Asking:
    """Who asks, for whom, by which way."""

    actor: Person
    person: Person
    origin: RequestOrigin


def open_request(asking: Asking, *, types: Sequence[TokenType]) -> TokenRequest:
    """Create the request in the caller's transaction, the person locked, and send it on its road.

    Without approval it starts as approved and the person is invited at once; else the approvers are told.
    """
    lines = [snapshot.take(asking.person, token_type) for token_type in types]
    request = TokenRequest.objects.create(
        person=asking.person,
        requested_by=asking.actor,
        origin=asking.origin,
        approvals_needed=policy.approvals_needed(
            types, requester=asking.actor, person=asking.person, origin=asking.origin
        ),
        snapshot_hash=snapshot.digest(lines),
        delivery_address=asking.person.email,
    )
    for token_type, line in zip(types, lines, strict=True):
        SoftwareToken.objects.create(
            request=request,
            person=asking.person,
            token_type=token_type,
            type_code=token_type.code,
            kind=RequestKind.INITIAL,
            snapshot=line,
        )
    audit.record(
        audit.Event.REQUEST_CREATED,
        actor=asking.actor,
        subject=request,
        types=[token_type.code for token_type in types],
        approvals_needed=request.approvals_needed,
        snapshot=request.snapshot_hash,
    )
    if request.approvals_needed:
        for approver in policy.approvers(request):
            outbox.enqueue(messages.approval_needed(request, approver))
    else:
        step2_approve.conclude(request, actor=asking.actor)
    return request
