"""Whether a mail still makes sense when its turn comes: what it is about may have ended meanwhile."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from identity_manager.mail import deduplication
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import (
    BatchLine,
    MailFault,
    OutgoingMail,
    RequestState,
    TokenRequest,
    TokenState,
)

# A mail that asks somebody to do something, and where the request must be for that.
ASKS_WHILE = {
    "approval_needed": (RequestState.REQUESTED,),
    "approval_reminder": (RequestState.REQUESTED,),
    "approval_back": (RequestState.REQUESTED,),
    "left_undecided": (RequestState.REQUESTED,),
    "sent_round_again": (RequestState.REQUESTED,),
    "acceptance_reminder": (RequestState.AWAITING_ACCEPTANCE,),
}
ASKS_ABOUT_BATCH = ("batch_waits", "batch_reminder", "batch_undecided")
# These tell nothing any more once the request came to nothing.
CAME_TO_NOTHING = (
    RequestState.REJECTED,
    RequestState.DECLINED,
    RequestState.LAPSED,
    RequestState.CANCELLED,
)
POINTLESS_THEN = ("information", "approved")  # a delivery goes by its token, which may be in use
SENDABLE = (TokenState.SEALED, TokenState.ACTIVE)


@dataclass(frozen=True)
class Pointless:
    """Why a mail is not sent at all."""

    reason: str


def obstacle(mail: OutgoingMail) -> Pointless | DeliveryFault | None:
    """Why the mail is discarded, or put off; None where it may go out."""
    return _ended(mail) or _all_decided(mail) or _noted(mail) or _token_obstacle(mail)


def without_files() -> Pointless:
    """Retention has removed what the mail was to bring, while it waited."""
    return Pointless(_("The files of this token are kept no longer."))


def waits(mail: OutgoingMail) -> bool:
    """Whether the mail is put off for a leave or a hold, however often it is tried."""
    return isinstance(obstacle(mail), DeliveryFault)


def _ended(mail: OutgoingMail) -> Pointless | None:
    if mail.request is None:
        return None
    state = RequestState(mail.request.state)
    asks_in_vain = state not in ASKS_WHILE.get(mail.message, (state,))
    if asks_in_vain or (mail.message in POINTLESS_THEN and state in CAME_TO_NOTHING):
        return Pointless(_("The request has moved on: %(state)s.") % {"state": state.label})
    return None


def _all_decided(mail: OutgoingMail) -> Pointless | None:
    """Nobody is asked about a batch order of which nothing waits any more."""
    if mail.message not in ASKS_ABOUT_BATCH:
        return None
    lines = BatchLine.objects.filter(order=deduplication.order_of_batch(mail.occasion))
    if TokenRequest.objects.filter(pk__in=lines.values("request"), state=RequestState.REQUESTED).exists():
        return None
    return Pointless(_("Nothing of the batch order waits for a decision any more."))


def _noted(mail: OutgoingMail) -> Pointless | None:
    """No reminder of a passphrase that is gone."""
    if mail.message != "passphrase_reminder" or mail.token is None or mail.token.passphrase_wrapped:
        return None
    return Pointless(_("The passphrase was noted or destroyed."))


def _token_obstacle(mail: OutgoingMail) -> Pointless | DeliveryFault | None:
    """No file for a token that ended; none now for a person on leave or a token on hold."""
    if mail.token is None or not mail.delivers:
        return None
    token = mail.token
    if token.state not in (*SENDABLE, TokenState.ON_HOLD):
        return Pointless(_("The token has ended: %(state)s.") % {"state": token.get_state_display()})
    if token.state == TokenState.ON_HOLD or not token.person.is_active:
        return DeliveryFault(
            MailFault.PASSING, "on hold", _("The person is not Active, or the token is on hold.")
        )
    return None
