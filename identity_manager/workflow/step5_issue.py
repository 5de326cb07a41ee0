"""Step 5: the certificates of a token are issued by their CAs: claim, act, settle.

claim: the due certificates of the token are leased; each gets a key, wrapped onto its own row, and an order,
which is journalled before its CA is asked.
act: the CAs are asked, what came back is verified, and the containers are built and re-opened, outside any
transaction.
settle: one transaction writes it all down, where the claims are still ours and nobody has changed anything:
certificates, sealed token, erased keys, queued mail, events (step 6). Whatever cannot be finished so is
settled certificate by certificate (issuance/settlement.py), and the token is sealed when its last one has
come. What takes its time and locks nothing (key, order, lints, containers) is made before the transaction
that needs it.

What may fail here, and what becomes of it: a CA that is down or silent delays (next try on the row); a CA or
a linter that says no fails the request for good; a worker that dies leaves its lease, which the sweep takes
up, and the order is looked up at the CA before it is asked again; while the person is Inactive it waits, and
what was issued meanwhile is put on hold; what comes for a Locked person or an ended request is revoked; what
ends before its token is sealed gets a new key and order. ROAD, in __init__.py of this folder, has the test of
each (`survives`). How a CA is asked, and what is done where nobody knows what it did: ca_bridge/issuing.py.
PstmProcSubRequestSoftwareToken of the original.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from django.db import transaction
from django.utils import timezone
from django_fsm import ConcurrentTransition

from ca_bridge import issuing
from identity_manager import audit
from identity_manager.authorities import circuit_breaker
from identity_manager.models import AuditEvent, Certificate
from identity_manager.transactions import issuance_locks
from identity_manager.transactions.retry_later import error_of, retry_certificate_later, retry_later_on_error
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.archive import intake
from identity_manager.workflow.issuance import (
    claims,
    containers,
    drafting,
    finished_here,
    ordering,
    settlement,
)
from identity_manager.workflow.issuance.claims import ClaimedCertificate, ClaimedToken
from identity_manager.workflow.issuance.containers import Part

logger = logging.getLogger(__name__)


def issue(*, certificate_id: uuid.UUID) -> None:
    """Have what is due of the certificate's token issued, or leave it due for a later try.

    A token of which nothing else is to come is sealed with it. Does nothing where nothing is due. While its
    CA does not answer a certificate stays due as it is, but for a trial now and then. Whatever is raised
    stands on the certificates, which are tried again later. Under load a group of tokens goes together.
    """
    if finished_here.has(certificate_id):
        return
    group = claims.claim(certificate_id)
    group.each_certificate(ordering.draft)
    ordered = _done_together(filter(ordering.is_plain, group.tokens), ordering.order_together)
    group.each(ordering.order_alone, but=ordered)
    group.each_certificate(_ask)
    sealed = {token: made for token in group.tokens if (made := _sealed(token)) is not None}
    answered = [each for token in group.tokens for each in token.claimed]
    finished = _done_together(sealed, partial(_finish, sealed))
    finished_here.note(each.row.pk for token in finished for each in token.claimed)
    group.each_certificate(_settle, but=finished)
    circuit_breaker.record_outcomes(
        (
            (drafting.line(each.row)["ca"], each.order_id, each.outcome)
            for each in answered
            if each.outcome is not None
        ),
        troubled=group.troubled,
    )
    group.finish()


def _done_together(
    plain: Iterable[ClaimedToken], work: Callable[[Sequence[ClaimedToken]], list[ClaimedToken]]
) -> list[ClaimedToken]:
    """Do it with all these in one transaction; return with which it was done. The others go one by one."""
    tokens, done = list(plain), list[ClaimedToken]()
    error = error_of(lambda: done.extend(work(tokens) if tokens else ()))
    if error is not None:  # it was rolled back
        level = logging.INFO if isinstance(error, ConcurrentTransition) else logging.WARNING
        logger.log(level, "%d tokens go one by one, because of %s.", len(tokens), type(error).__name__)
    return done


def _ask(each: ClaimedCertificate) -> None:
    """Ask the CA once, and examine what came."""
    each.outcome = drafting.outcome(partial(issuing.ask, each.begun or each.order_id))
    each.examined = _examined(each)


def _examined(each: ClaimedCertificate) -> issuing.Examined | None:
    if not isinstance(each.outcome, issuing.Issued):
        return None
    drafted = each.draft.order if each.draft is not None else None
    return issuing.examine(
        each.begun.order if each.begun else each.order_id,
        each.outcome,
        draft=drafted.draft if isinstance(drafted, issuing.DraftOrder) else None,
    )


def _sealed(token: ClaimedToken) -> step6_passphrase.Sealed | None:
    """The containers of a token all of whose certificates are there now, and none has ended; else None.

    What fails here is left to the task that seals tokens, on which it will stand.
    """
    if not token.is_complete(timezone.now()):
        return None
    made: list[step6_passphrase.Sealed] = []
    error = error_of(lambda: made.append(step6_passphrase.build(_part(token, row) for row in token.wanted)))
    if error is not None:
        logger.warning("Token %s is sealed later, because of %s.", token.token.pk, type(error).__name__)
    return made[0] if made and made[0].intake.reason is None else None


def _part(token: ClaimedToken, row: Certificate) -> Part:
    each = next((each for each in token.claimed if each.row is row), None)
    if each is None:
        return containers.part_of(row)
    if each.examined is None or each.examined.facts is None:
        raise ValueError("It was not issued.")
    whole = each.examined.whole
    key = each.key or containers.open_key(row)
    return Part(row.token_id, row, key, whole.certificate, whole.chain, each.examined.facts)


def _finish(
    sealed: dict[ClaimedToken, step6_passphrase.Sealed], tokens: Sequence[ClaimedToken]
) -> list[ClaimedToken]:
    """Settle and seal these tokens in one transaction (group commit); return those with which it was done.

    What somebody has changed meanwhile is left out. Raises whatever else is in the way, and nothing is done.
    """
    with transaction.atomic():
        current = issuance_locks.unchanged(row for token in tokens for row in token.certificates)
        ours = [
            token for token in tokens if token.token.pk in current and _may_be_sealed(sealed[token], token)
        ]
        events = _record([each for token in ours for each in token.claimed])
        events += step6_passphrase.seal_all([(token.token, token.wanted, sealed[token]) for token in ours])
        audit.append(events)
    return ours


def _may_be_sealed(sealed: step6_passphrase.Sealed, token: ClaimedToken) -> bool:
    """Whether the archive, where the token has anything for it, can take that in."""
    return not intake.obstacle(sealed.intake, token.token, token.wanted)


def _record(claimed: Iterable[ClaimedCertificate]) -> list[AuditEvent]:
    """Journal what came, and move the rows on, which the caller saves; return what happened."""
    answered = [(each, each.examined) for each in claimed if each.examined is not None]
    issuing.record_issued((each.begun, examined) for each, examined in answered if each.begun is not None)
    events = []
    for each, examined in answered:
        order = each.begun.order if each.begun else None
        if order is None:
            order = issuing.record(each.order_id, examined.came, examined=examined)
        if order.certificate != examined.whole.certificate or examined.facts is None:
            raise ConcurrentTransition
        each.row.order = order
        events += settlement.mark_issued(each.row, order, examined.facts)
    return events


def _settle(each: ClaimedCertificate) -> None:
    if each.outcome is not None:
        settlement.settle(
            certificate_id=each.row.pk,
            claim_id=each.claim_id,
            order_id=each.order_id,
            outcome=each.outcome,
            examined=each.examined,
        )


def resolve_orphaned_order(*, certificate_id: uuid.UUID) -> None:
    """An ended request left an order at a CA: find out whether it was issued, and have that revoked."""
    with transaction.atomic():
        claim_id = Certificate.objects.with_orphaned_order().claim_through_subquery(
            certificate_id, now=timezone.now()
        )
        order_id = Certificate.objects.values_list("order_id", flat=True).get(pk=certificate_id)
    if claim_id is None or order_id is None:
        return
    with retry_later_on_error(partial(retry_certificate_later, certificate_id, claim_id)):
        outcome = drafting.outcome(partial(issuing.look_up, order_id))
        examined = issuing.examine(order_id, outcome) if isinstance(outcome, issuing.Issued) else None
        settlement.settle(
            certificate_id=certificate_id,
            claim_id=claim_id,
            order_id=order_id,
            outcome=outcome,
            examined=examined,
        )
