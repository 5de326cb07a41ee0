"""Hold and reinstate: certificateHold (RFC 5280 5.3.1) and its end."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, SoftwareToken, TokenState
from identity_manager.models.requests.token_states import DELIVERABLE
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, for_each_row
from identity_manager.workflow.batch.kinds.kind import GivenOrder, KindWords, OrderKind, Subject
from identity_manager.workflow.batch.kinds.revoke import NOTHING_IN_USE
from identity_manager.workflow.revocation import hold

NOTHING_ON_HOLD = Reason("nothing-on-hold", _("This person has no token on hold."))


def _in_use(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(state__in=DELIVERABLE)


def _on_hold(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(state=TokenState.ON_HOLD)


def _hold_obstacle(_given: GivenOrder, token: SoftwareToken) -> Reason | None:
    return hold.hold_obstacle(token)


def _hold(given: GivenOrder, token: SoftwareToken) -> None:
    hold.put_on_hold(actor=given.actor, token_id=token.pk, reason=given.order.note)


def _reinstatement_obstacle(given: GivenOrder, token: SoftwareToken) -> Reason | None:
    return hold.reinstatement_obstacle(token, by=given.actor)


def _reinstate(given: GivenOrder, token: SoftwareToken) -> None:
    hold.reinstate(actor=given.actor, token_id=token.pk)


HOLD = OrderKind(
    BatchKind.HOLD,
    Subject.TOKEN,
    KindWords(
        title=_("Put on hold"),
        lead=_("Puts software tokens on hold until somebody reinstates them. Nothing is lost."),
        done=_("Put on hold"),
    ),
    way=ByVerb(_hold_obstacle, for_each_row(_hold)),
    nothing=NOTHING_IN_USE,
    candidates=_in_use,
)
REINSTATE = OrderKind(
    BatchKind.REINSTATE,
    Subject.TOKEN,
    KindWords(
        title=_("Reinstate"),
        lead=_("Ends the hold of software tokens that an administrator put on hold."),
        done=_("Reinstated"),
    ),
    way=ByVerb(_reinstatement_obstacle, for_each_row(_reinstate)),
    nothing=NOTHING_ON_HOLD,
    candidates=_on_hold,
)
