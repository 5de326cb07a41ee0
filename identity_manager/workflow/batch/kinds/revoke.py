"""Revoke: the tokens of the lines, for one reason of RFC 5280 5.3.1; the breaker counts them."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager.models import BatchKind, SoftwareToken, TokenState
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, Outcome
from identity_manager.workflow.batch.kinds.kind import Breaker, GivenOrder, KindWords, OrderKind, Subject
from identity_manager.workflow.revocation import revoke

NO_REVOCATION_REASON = Reason("no-revocation-reason", _("Choose the reason that revocation lists give."))
NOTHING_IN_USE = Reason("nothing-in-use", _("This person has no token in use."))
IN_USE_OF_ANY = "in_use"


def in_use(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Tokens of which something can be revoked."""
    tokens = SoftwareToken.objects.order_by()
    revocable = tokens.in_use() | tokens.living_on()
    return rows.filter(pk__in=revocable.values("pk"))


def seen(token: SoftwareToken) -> str:
    """A token that its person notes or that is put on hold meanwhile is revoked all the same."""
    return IN_USE_OF_ANY if token.is_in_use else str(token.state)


def revoked_lately() -> int:
    """How many tokens were revoked in the last 24 hours, singly or by an order."""
    since = timezone.now() - timedelta(hours=24)
    return SoftwareToken.objects.filter(state=TokenState.REVOKED, ended_at__gte=since).count()


BREAKER = Breaker(
    lately=revoked_lately,
    standing=lambda: SoftwareToken.objects.in_use().count(),
    kinds=frozenset({BatchKind.REVOKE, BatchKind.REPLACE}),
    code="too-many-revoked",
    sentence=_(
        "With those of the last 24 hours, this would revoke %(number)s of %(all)s software tokens, more than"
        " %(percent)s %%. A second officer has to confirm that."
    ),
)


def _options_obstacle(options: Mapping[str, Any]) -> tuple[str, Reason] | None:
    return None if options.get("reason") in REVOCATION_REASONS else ("reason", NO_REVOCATION_REASON)


def _obstacle(given: GivenOrder, token: SoftwareToken) -> Reason | None:
    reason = revoke.obstacle(token)
    if reason is not None or given.order.options.get("encryption"):
        return reason
    rows = list(token.certificates.all())
    kept = revoke.kept_certificates(rows, ())
    return None if not kept or revoke.ends_something(rows, kept) else revoke.ONLY_ENCRYPTION


def _act(given: GivenOrder, tokens: Sequence[SoftwareToken]) -> Mapping[uuid.UUID, Outcome]:
    options, keys = given.order.options, [token.pk for token in tokens]
    refused = revoke.revoke_tokens(
        actor=given.actor,
        token_ids=keys,
        reason=RevocationReason(options["reason"]),
        with_encryption=bool(options.get("encryption")),
    )
    return dict.fromkeys(keys) | refused


REVOKE = OrderKind(
    BatchKind.REVOKE,
    Subject.TOKEN,
    KindWords(
        title=_("Revoke"),
        lead=_("Revokes the certificates of software tokens for good. Passphrases not noted are destroyed."),
        done=_("Revoked"),
    ),
    way=ByVerb(_obstacle, _act, of_row=seen),
    nothing=NOTHING_IN_USE,
    candidates=in_use,
    breaker=BREAKER,
    options_obstacle=_options_obstacle,
)
