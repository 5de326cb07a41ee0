"""Cancel: requests that are not issued yet end, with the reason of the order."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, TokenRequest
from identity_manager.models.requests.states import BEFORE_ISSUED
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, for_each_row
from identity_manager.workflow.batch.kinds.kind import GivenOrder, KindWords, OrderKind, Subject
from identity_manager.workflow.requests import cancellation

NOTHING_OPEN = Reason("nothing-open", _("This person has no request that can be cancelled."))
OPEN = "open"


def _open(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(state__in=BEFORE_ISSUED)


def _seen(request: TokenRequest) -> str:
    """A request that goes on by a step meanwhile is cancelled all the same."""
    return OPEN if request.state in BEFORE_ISSUED else str(request.state)


def _obstacle(_given: GivenOrder, request: TokenRequest) -> Reason | None:
    return cancellation.cancelling_obstacle(request)


def _act(given: GivenOrder, request: TokenRequest) -> None:
    cancellation.cancel(actor=given.actor, request_id=request.pk, reason=given.order.note)


CANCEL = OrderKind(
    BatchKind.CANCEL,
    Subject.REQUEST,
    KindWords(
        title=_("Cancel requests"),
        lead=_("Ends requests that are not issued yet; their persons are told, with the reason."),
        done=_("Cancelled"),
    ),
    way=ByVerb(_obstacle, for_each_row(_act), of_row=_seen),
    nothing=NOTHING_OPEN,
    candidates=_open,
)
