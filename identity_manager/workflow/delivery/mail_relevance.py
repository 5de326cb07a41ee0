"""Relevance check before sending: a queued mail may be outdated by now."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from identity_manager.mail import deduplication
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import (
    BatchLine,
    MailFault,
    OutgoingMail,
    RequestKind,
    RequestState,
    TermsNotice,
    TokenRequest,
    TokenState,
)
from identity_manager.workflow.recovery import policy

# Mails that ask for an action, and the request states in which it is possible.
ASKS_WHILE = {
    "approval_needed": (RequestState.REQUESTED,),
    "approval_reminder": (RequestState.REQUESTED,),
    "approval_back": (RequestState.REQUESTED,),
    "left_undecided": (RequestState.REQUESTED,),
    "sent_round_again": (RequestState.REQUESTED,),
    "acceptance_reminder": (RequestState.AWAITING_ACCEPTANCE,),
}
# What nobody can do for a stopped request. Administrators, whom the other ones ask, act on it.
WAITS_WHILE_STOPPED = ("approval_needed", "approval_reminder", "approval_back", "acceptance_reminder")
ASKS_FOR_TERMS = ("terms_again", "terms_hold")
ASKS_ABOUT_BATCH = ("batch_waits", "batch_reminder", "batch_undecided")
# Mails that are irrelevant once the request has failed or was ended.
CAME_TO_NOTHING = (
    RequestState.REJECTED,
    RequestState.DECLINED,
    RequestState.LAPSED,
    RequestState.CANCELLED,
)
IRRELEVANT_AFTER_FAILURE = (
    "information",
    "approved",
)  # deliveries are checked by their token, which may be in use
SAYS_WHERE_KEYS_ARE = "at_targets"


@dataclass(frozen=True)
class NoLongerRelevant:
    """Reason why a mail is discarded instead of sent."""

    reason: str


def obstacle(mail: OutgoingMail) -> NoLongerRelevant | DeliveryFault | None:
    """Why the mail is discarded or postponed; None if it may be sent."""
    checks = (_ended, _all_decided, _noted, _accepted, _installed, _token_obstacle)
    return next((found for check in checks if (found := check(mail)) is not None), None)


def without_files() -> NoLongerRelevant:
    """Result for a mail whose containers retention has deleted."""
    return NoLongerRelevant(_("The files of this token are kept no longer."))


def _ended(mail: OutgoingMail) -> NoLongerRelevant | DeliveryFault | None:
    """Irrelevant for requests that have moved on; postponed while they are stopped."""
    if mail.request is None:
        return None
    state = RequestState(mail.request.state)
    asks_in_vain = state not in ASKS_WHILE.get(mail.message, (state,))
    if asks_in_vain or (mail.message in IRRELEVANT_AFTER_FAILURE and state in CAME_TO_NOTHING):
        return NoLongerRelevant(_("The request has moved on: %(state)s.") % {"state": state.label})
    if mail.message in WAITS_WHILE_STOPPED:
        return _stopped(mail.request, asked_at=mail.created_at)
    return None


def _stopped(request: TokenRequest, *, asked_at: datetime) -> NoLongerRelevant | DeliveryFault | None:
    """Postponed while the request is stopped; irrelevant if it was started again with new data since then."""
    if request.round_started_at is not None and asked_at < request.round_started_at:
        return NoLongerRelevant(_("The request was started again with new data."))
    if request.stopped_at is None:
        return None
    detail = _("The request is stopped: the person's data have changed.")
    return DeliveryFault(MailFault.PASSING, "stopped", detail)


def _all_decided(mail: OutgoingMail) -> NoLongerRelevant | None:
    """Irrelevant if no request of the batch order waits for a decision any more."""
    if mail.message not in ASKS_ABOUT_BATCH:
        return None
    lines = BatchLine.objects.filter(order=deduplication.order_of_batch(mail.occasion))
    if TokenRequest.objects.filter(pk__in=lines.values("request"), state=RequestState.REQUESTED).exists():
        return None
    return NoLongerRelevant(_("Nothing of the batch order waits for a decision any more."))


def _noted(mail: OutgoingMail) -> NoLongerRelevant | DeliveryFault | None:
    """Irrelevant if the passphrase is acknowledged or destroyed; postponed while the token is on hold."""
    if mail.message != "passphrase_reminder" or mail.token is None or mail.token.is_to_be_noted:
        return None
    if mail.token.has_unacknowledged_passphrase:
        return _on_hold()
    return NoLongerRelevant(_("The passphrase was noted or destroyed."))


def _accepted(mail: OutgoingMail) -> NoLongerRelevant | None:
    """Irrelevant if the person has accepted this version of the terms, or a later one is in force."""
    if mail.message not in ASKS_FOR_TERMS:
        return None
    version = deduplication.version_of_terms(mail.occasion)
    if TermsNotice.objects.unanswered().filter(person=mail.person_id, version=version).exists():
        return None
    return NoLongerRelevant(_("The terms do not wait for acceptance any more."))


def _installed(mail: OutgoingMail) -> NoLongerRelevant | None:
    """Irrelevant if the installation is confirmed or the token has ended."""
    if mail.message != "installation_due" or mail.token is None:
        return None
    if mail.token.awaits_installation or mail.token.state == TokenState.ON_HOLD:
        return None
    return NoLongerRelevant(_("The token is installed, or has ended."))


def _token_obstacle(mail: OutgoingMail) -> NoLongerRelevant | DeliveryFault | None:
    """Irrelevant for ended tokens; postponed for persons on leave and tokens on hold."""
    if mail.token is None or not (mail.delivers or mail.message == SAYS_WHERE_KEYS_ARE):
        return None
    token = mail.token
    if not token.is_in_use:
        return NoLongerRelevant(_("The token has ended: %(state)s.") % {"state": token.get_state_display()})
    if token.kind == RequestKind.RECOVERY and token.request.recovery.is_over(timezone.now()):
        return NoLongerRelevant(str(policy.OVER))
    if token.state == TokenState.ON_HOLD or not token.person.is_active:
        return _on_hold()
    return None


def _on_hold() -> DeliveryFault:
    return DeliveryFault(
        MailFault.PASSING, "on hold", _("The person is not Active, or the token is on hold.")
    )
