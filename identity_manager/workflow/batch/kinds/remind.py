"""Remind: persons who have not accepted the terms, or not noted a passphrase, get the mail again."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, RequestState, TokenRequest
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, for_each_row
from identity_manager.workflow.batch.kinds.kind import GivenOrder, KindWords, OrderKind, Subject
from identity_manager.workflow.requests import reminders_by_hand

NOTHING_WAITS = Reason("nothing-waits", _("Nothing waits for this person."))


def _waiting(rows: QuerySet[Any]) -> QuerySet[Any]:
    """More than can be reminded: the obstacle says of each of them why not."""
    noted_not = Q(tokens__passphrase_wrapped__isnull=False)
    return rows.filter(Q(state=RequestState.AWAITING_ACCEPTANCE) | noted_not).distinct()


def _obstacle(_given: GivenOrder, request: TokenRequest) -> Reason | None:
    return reminders_by_hand.obstacle(request)


def _act(given: GivenOrder, request: TokenRequest) -> None:
    reminders_by_hand.remind(actor=given.actor, request_id=request.pk)


REMIND = OrderKind(
    BatchKind.REMIND,
    Subject.REQUEST,
    KindWords(
        title=_("Remind"),
        lead=_("Mails persons who have not accepted the terms, or not noted a passphrase."),
        done=_("Reminded"),
    ),
    way=ByVerb(_obstacle, for_each_row(_act)),
    nothing=NOTHING_WAITS,
    candidates=_waiting,
    wants_note=False,
)
