"""Resend: the files of tokens are mailed again, in the format of their type or in the other one."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, SoftwareToken
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS
from identity_manager.models.requests.token_states import DELIVERABLE
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, for_each_row
from identity_manager.workflow.batch.kinds.kind import GivenOrder, KindWords, OrderKind, Subject
from identity_manager.workflow.batch.kinds.revoke import NOTHING_IN_USE
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.requests.cancellation import sender_obstacle

FORMATS = frozenset(value for value, _label in CONTAINER_FORMATS)


def _sendable(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(state__in=DELIVERABLE)


def _options_obstacle(options: Mapping[str, Any]) -> tuple[str, Reason] | None:
    known = options.get("container_format") in FORMATS
    return None if known else ("container_format", resending.NO_SUCH_FORMAT)


def _obstacle(given: GivenOrder, token: SoftwareToken) -> Reason | None:
    token.has_files = token.containers.exists()
    return (
        sender_obstacle(actor=given.actor, person=token.person)
        or resending.sending_obstacle(token)
        or resending.often_obstacle(token)
    )


def _act(given: GivenOrder, token: SoftwareToken) -> None:
    container_format = given.order.options["container_format"]
    resending.send_again(actor=given.actor, token_id=token.pk, container_format=container_format)


RESEND = OrderKind(
    BatchKind.RESEND,
    Subject.TOKEN,
    KindWords(
        title=_("Send the files again"),
        lead=_("Mails the files of software tokens once more. The passphrase stays what it is."),
        done=_("Sent again"),
    ),
    way=ByVerb(_obstacle, for_each_row(_act)),
    nothing=NOTHING_IN_USE,
    candidates=_sendable,
    options_obstacle=_options_obstacle,
)
