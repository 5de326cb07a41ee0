"""Actions offered to administrators on a request, with reasons where impossible."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import offices
from identity_manager.models import Person, RequestState, Role, TokenRequest
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.issuance import retry as issuance_retry
from identity_manager.workflow.requests import cancellation, reminders_by_hand


@dataclass(frozen=True)
class RequestAction:
    """One action: its page, or why it is impossible now."""

    label: str | Promise
    url: str
    reason: Reason | None = None
    dangerous: bool = False


@dataclass(frozen=True)
class ActionOffer:
    """Actions offered to an officer: none without administering the person.

    says_why_not: also list impossible ones with reasons. not_by_you: why this officer must not resend
    files. back: where the action's page returns to (token_views).
    """

    administers: bool
    says_why_not: bool = True
    not_by_you: Reason | None = None
    back: str = ""

    def of(self, actions: Iterable[RequestAction]) -> list[RequestAction]:
        """The actions that are shown."""
        if not self.administers:
            return []
        said = (None, self.not_by_you)
        return [action for action in actions if self.says_why_not or action.reason in said]


def sending_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why this administrator must not resend a file (they made a sign-in code), or None."""
    registers = offices.holds(actor, {Role.REGISTRATION_OFFICER})
    return cancellation.sender_obstacle(actor=actor, person=person) if registers else None


def of_request(row: TokenRequest, offer: ActionOffer) -> list[RequestAction]:
    """Cancel, or why nothing can be retried; a failed request has its retry button beside the error."""
    retry = RequestAction(
        _("Retry"), reverse("console:request-retry", args=[row.pk]), issuance_retry.NOT_FAILED
    )
    cancel = RequestAction(
        _("Cancel the request"),
        reverse("console:request-cancel", args=[row.pk]),
        cancellation.cancelling_obstacle(row),
        dangerous=True,
    )
    remind = RequestAction(_("Remind the person"), reverse("console:request-remind", args=[row.pk]))
    waits = row.awaits_acceptance or any(token.may_have_passphrase for token in row.tokens.all())
    reminds = [remind] if waits and reminders_by_hand.obstacle(row) is None else []
    return offer.of([*reminds, *([] if row.state == RequestState.FAILED else [retry]), cancel])
