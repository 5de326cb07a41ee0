"""Renew: a request for a successor of each token, as **Enable** opens it; approvers get one mail for all."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, SoftwareToken, TokenRequest
from identity_manager.transactions.refusals import Reason, Refused
from identity_manager.workflow import step1_renew
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, for_each_row
from identity_manager.workflow.batch.kinds.kind import GivenOrder, KindWords, OrderKind, Subject
from identity_manager.workflow.batch.kinds.revoke import NOTHING_IN_USE, in_use
from identity_manager.workflow.policy import eligibility


def _obstacle(given: GivenOrder, token: SoftwareToken) -> Reason | None:
    reason = eligibility.asking_obstacle(given.actor, token.person)
    if reason is not None:
        return reason
    try:
        step1_renew.renewable(token.person, token.pk, own=False)
    except Refused as refused:
        return refused.reason
    return None


def _act(given: GivenOrder, token: SoftwareToken) -> TokenRequest:
    return step1_renew.renew_for(actor=given.actor, token_id=token.pk)


def _of_types(rows: QuerySet[Any]) -> QuerySet[Any]:
    return in_use(rows).filter(token_type__isnull=False)


RENEW = OrderKind(
    BatchKind.RENEW,
    Subject.TOKEN,
    KindWords(
        title=_("Renew"),
        lead=_("Requests a successor for software tokens that can be renewed; the old ones stay until then."),
        done=_("Renewal requested"),
    ),
    way=ByVerb(_obstacle, for_each_row(_act)),
    nothing=NOTHING_IN_USE,
    candidates=_of_types,
)
