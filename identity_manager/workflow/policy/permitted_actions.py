"""Actions possible in the current state of a request, token or delivery; obstacles are reasons."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import RequestKind, RequestState, SoftwareToken, TokenRequest, TokenState
from identity_manager.models.requests.states import STOPPABLE
from identity_manager.models.requests.token_states import DELIVERABLE
from identity_manager.people.identity import identity_change_policy
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.recovery import policy

BY_TARGETS_ALONE = Reason(
    "by-targets-alone",
    _("This token has no file and no passphrase: its keys go to its targets alone."),
)
TOKEN_ON_HOLD = Reason("token-on-hold", _("This token is on hold, so nothing of it is handed out."))


def can_be_resubmitted(request: TokenRequest) -> bool:
    """Whether an officer can resubmit the request after a change of its person."""
    return request.state in STOPPABLE and not request.is_recovery


def delivery_obstacle(token: SoftwareToken) -> Reason | None:
    """Why nothing of this token may be delivered now by mail, portal or screen, or None."""
    if token.is_by_targets:
        return BY_TARGETS_ALONE
    if token.state == TokenState.ON_HOLD:
        return TOKEN_ON_HOLD
    if token.kind == RequestKind.RECOVERY and token.request.recovery.is_over(timezone.now()):
        return policy.OVER
    waits = identity_change_policy.waiting_for(token.person)
    return identity_change_policy.FROZEN if waits is not None else None


def can_be_withdrawn(request: TokenRequest) -> bool:
    """Whether the person may withdraw the request, which is undecided."""
    return request.state in (RequestState.REQUESTED, RequestState.APPROVED, RequestState.AWAITING_ACCEPTANCE)


def can_be_sent(token: SoftwareToken) -> bool:
    """Whether the token's containers may be mailed (again); what targets alone deliver has none."""
    return token.state in DELIVERABLE and not token.is_by_targets


NOT_ACTIVE = Reason("person-not-active", _("Your person record is not Active."))
