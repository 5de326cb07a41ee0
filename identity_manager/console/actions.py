"""What an administrator can do with a request; and where not, why not."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.models import RequestState, TokenRequest
from identity_manager.workflow import side_roads
from identity_manager.workflow.errors import Reason


@dataclass(frozen=True)
class Action:
    """A thing to do: its page, or the reason why it cannot be done now."""

    label: str | Promise
    url: str
    reason: Reason | None = None
    dangerous: bool = False


def of_request(row: TokenRequest, *, administers: bool) -> list[Action]:
    """Cancel, and why there is nothing to retry: a failed request has its button beside the error."""
    if not administers:
        return []
    retry = Action(_("Retry"), reverse("console:request-retry", args=[row.pk]), side_roads.NOT_FAILED)
    return [
        *([] if row.state == RequestState.FAILED else [retry]),
        Action(
            _("Cancel the request"),
            reverse("console:request-cancel", args=[row.pk]),
            side_roads.cancelling_obstacle(row),
            dangerous=True,
        ),
    ]
