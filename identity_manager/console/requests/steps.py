"""The seven steps of a request for the stepper: progress, actor and time of each.

No queries, if the request's relations are prefetched.
"""

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from identity_manager.models import (
    Decision,
    DeliveryState,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.requests.approval import progress
from identity_manager.ui.parts import StepperStep, StepState

S = RequestState
DONE, NOW, WAITS = StepState.DONE, StepState.NOW, StepState.WAITS
STOPPED, SKIPPED = StepState.STOPPED, StepState.SKIPPED
FEW = 2


def steps_of(request: TokenRequest) -> list[StepperStep]:
    """The seven steps; exactly the present ones are now, waiting or stopped."""
    steps = [
        _asked(request),
        _approved(request),
        _invited(request),
        _accepted(request),
        _issued(request),
        _noted(request),
        _delivered(request),
    ]
    return _stop_at_cancellation(request, steps)


def _asked(request: TokenRequest) -> StepperStep:
    return StepperStep(1, _("Request"), DONE, str(request.requested_by), request.created_at)


def _approved(request: TokenRequest) -> StepperStep:
    name = _("Approval")
    approvals = request.decisions
    who = ", ".join(map(str, approvals))
    if not request.approvals_needed:
        return StepperStep(2, name, SKIPPED)
    if request.state == S.REQUESTED:
        if request.stopped_at is not None:
            return StepperStep(2, name, STOPPED, _("The person has changed"), request.stopped_at)
        given = progress(request.approvals_needed, approvals)
        return StepperStep(2, name, WAITS, ". ".join(filter(None, [given, _who_decides(request)])))
    if any(approval.decision == Decision.REJECTED for approval in approvals):
        return StepperStep(2, name, STOPPED, who, request.decided_at)
    return StepperStep(2, name, DONE, who, request.decided_at) if request.decided_at else StepperStep(2, name)


def _who_decides(request: TokenRequest) -> str:
    """Names of the asked approvers if they fit, else the number of missing approvals."""
    asked = request.waits_for
    still = max(1, request.approvals_needed - len(request.decisions))  # one may count no more
    if asked and len(asked) <= FEW:
        return ", ".join(str(each.approver) for each in asked)
    return ngettext("An approver", "%(number)d approvers", still) % {"number": still}


def _invited(request: TokenRequest) -> StepperStep:
    name = _("Invitation")
    if request.accept_before is None:
        return StepperStep(3, name)
    return StepperStep(3, name, DONE, request.delivery_address, request.decided_at)


def _accepted(request: TokenRequest) -> StepperStep:
    name, who = pgettext("step", "Terms"), str(request.person)
    if request.accepted_at:
        return StepperStep(4, name, DONE, who, request.accepted_at)
    if request.state == S.AWAITING_ACCEPTANCE and request.stopped_at is not None:
        return StepperStep(4, name, STOPPED, _("The person has changed"), request.stopped_at)
    if request.state == S.AWAITING_ACCEPTANCE:
        return StepperStep(4, name, WAITS, who)
    if request.state == S.DECLINED:
        return StepperStep(4, name, STOPPED, _("Declined"), request.ended_at)
    if request.state == S.LAPSED:
        return StepperStep(4, name, STOPPED, _("Not in time"), request.ended_at)
    return StepperStep(4, name)


def _issued(request: TokenRequest) -> StepperStep:
    name = _("Certificates")
    if request.state == S.FAILED:
        changed = request.stopped_at is not None
        return StepperStep(5, name, STOPPED, _("The person has changed") if changed else _("Refused"))
    if request.issued_at:
        return StepperStep(5, name, DONE, "", request.issued_at)
    if request.state == S.ISSUING:
        return StepperStep(5, name, NOW, _("The certificate authority"))
    return StepperStep(5, name)


def _noted(request: TokenRequest) -> StepperStep:
    name, who = _("Passphrase"), str(request.person)
    tokens = [token for token in _handed_out(request) if not token.is_by_targets]
    if request.issued_at and not tokens and _handed_out(request):
        return StepperStep(6, name, SKIPPED)
    if not request.issued_at or not tokens:
        return StepperStep(6, name)
    unnoted = [token for token in tokens if token.acknowledged_at is None and token.is_open]
    if unnoted:
        held = all(token.state == TokenState.ON_HOLD for token in unnoted)
        return StepperStep(6, name, WAITS, _("On hold") if held else who)
    moments = [token.acknowledged_at for token in tokens]
    if None in moments:
        return StepperStep(6, name, STOPPED, _("Not noted"), _latest([token.ended_at for token in tokens]))
    return StepperStep(6, name, DONE, who, _latest(moments))


def _delivered(request: TokenRequest) -> StepperStep:
    name = _("Delivery")
    tokens = _handed_out(request)
    if not request.issued_at or not tokens:
        return StepperStep(7, name)
    states = {token.delivery for token in tokens}
    if any(token.delivery == DeliveryState.OFFERED and token.ended_at is None for token in tokens):
        return StepperStep(7, name, WAITS, request.person.display_name)
    if DeliveryState.BOUNCED in states:
        return StepperStep(7, name, STOPPED, _("The mail came back"))
    if states <= {DeliveryState.SENT, DeliveryState.FETCHED, DeliveryState.AT_TARGETS}:
        who = _("Its targets") if states == {DeliveryState.AT_TARGETS} else request.delivery_address
        return StepperStep(7, name, DONE, who, _latest([token.delivered_at for token in tokens]))
    if all(token.is_finished for token in tokens):
        return StepperStep(7, name, STOPPED, _("Ended before"), _latest([token.ended_at for token in tokens]))
    to_targets = DeliveryState.QUEUED not in states and DeliveryState.TO_TARGETS in states
    return StepperStep(7, name, NOW, _("The targets") if to_targets else _("The mail server"))


def _handed_out(request: TokenRequest) -> list[SoftwareToken]:
    return [token for token in request.lines if token.is_visible_under_certificates]


def _latest(moments: list[datetime | None]) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _stop_at_cancellation(request: TokenRequest, steps: list[StepperStep]) -> list[StepperStep]:
    """A cancelled request stopped at the first step that was not done."""
    if request.state != S.CANCELLED:
        return steps
    position = next(
        (at for at, step in enumerate(steps) if step.state not in (DONE, SKIPPED)), len(steps) - 1
    )
    stopped = StepperStep(
        steps[position].number, steps[position].name, STOPPED, _("Cancelled"), request.ended_at
    )
    return [
        *steps[:position],
        stopped,
        *(StepperStep(step.number, step.name) for step in steps[position + 1 :]),
    ]
