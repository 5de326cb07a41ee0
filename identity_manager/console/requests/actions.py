"""What an administrator can do with a request; and where not, why not."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import offices
from identity_manager.models import Person, RequestState, Role, TokenRequest
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.issuance import retry as issuance_retry
from identity_manager.workflow.requests import cancellation


@dataclass(frozen=True)
class RequestAction:
    """A thing to do: its page, or the reason why it cannot be done now."""

    label: str | Promise
    url: str
    reason: Reason | None = None
    dangerous: bool = False


@dataclass(frozen=True)
class ActionOffer:
    """What an officer is offered to do: nothing, where they do not administer the person.

    says_why_not: also what cannot be done now, and why.  not_by_you: why this officer has no file sent
    again.  back: where the page of an action leads back to (views.tokens).
    """

    administers: bool
    says_why_not: bool = True
    not_by_you: Reason | None = None
    back: str = ""

    def of(self, actions: Iterable[RequestAction]) -> list[RequestAction]:
        """Those of the actions that are shown."""
        if not self.administers:
            return []
        said = (None, self.not_by_you)
        return [action for action in actions if self.says_why_not or action.reason in said]


def sending_obstacle(actor: Person, person: Person) -> Reason | None:
    """Why the administrator has no file sent again; only who registers persons may have made a code."""
    registers = offices.holds(actor, {Role.REGISTRATION_OFFICER})
    return cancellation.sender_obstacle(actor=actor, person=person) if registers else None


def of_request(row: TokenRequest, offer: ActionOffer) -> list[RequestAction]:
    """Cancel, and why there is nothing to retry: a failed request has its button beside the error."""
    retry = RequestAction(
        _("Retry"), reverse("console:request-retry", args=[row.pk]), issuance_retry.NOT_FAILED
    )
    cancel = RequestAction(
        _("Cancel the request"),
        reverse("console:request-cancel", args=[row.pk]),
        cancellation.cancelling_obstacle(row),
        dangerous=True,
    )
    return offer.of([cancel] if row.state == RequestState.FAILED else [retry, cancel])
