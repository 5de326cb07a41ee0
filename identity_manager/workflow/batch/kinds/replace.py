"""Replace: each token is revoked at once, and a new one of its type is asked for; the breaker counts it."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, ReplacementCause, SoftwareToken, TokenRequest
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow import step1_replace
from identity_manager.workflow.batch.kinds import revoke
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, for_each_row
from identity_manager.workflow.batch.kinds.kind import GivenOrder, KindWords, OrderKind, Subject
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.step1_replace import ReplacementOrder

NO_REPLACEMENT_CAUSE = Reason("no-replacement-cause", _("Choose why the tokens are replaced."))


def _in_use(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(state__in=IN_USE, token_type__isnull=False)


def _options_obstacle(options: Mapping[str, Any]) -> tuple[str, Reason] | None:
    return None if options.get("cause") in ReplacementCause.values else ("cause", NO_REPLACEMENT_CAUSE)


def _obstacle(given: GivenOrder, token: SoftwareToken) -> Reason | None:
    reason = eligibility.asking_obstacle(given.actor, token.person)
    if reason is not None:
        return reason
    outlook = policy.outlook(token.person, [token])
    return outlook[0].obstacle if outlook else policy.NOTHING_TO_REPLACE


def _act(given: GivenOrder, token: SoftwareToken) -> TokenRequest | None:
    cause = ReplacementCause(given.order.options["cause"])
    order = ReplacementOrder(cause, only=token.pk, of_batch=True)
    return step1_replace.replace_for(actor=given.actor, person_id=token.person_id, order=order).request


REPLACE = OrderKind(
    BatchKind.REPLACE,
    Subject.TOKEN,
    KindWords(
        title=_("Replace"),
        lead=_("Revokes software tokens at once and requests new ones of their types."),
        done=_("Replaced"),
    ),
    way=ByVerb(_obstacle, for_each_row(_act), of_row=revoke.seen),
    nothing=revoke.NOTHING_IN_USE,
    candidates=_in_use,
    breaker=revoke.BREAKER,
    options_obstacle=_options_obstacle,
)
