"""Step 5: the certificates of a token are issued by their CAs: claim, act, settle.

claim: the due certificates of the token are leased; each gets a key, wrapped onto its own row, and an order,
which is journalled before its CA is asked.
act: outside any transaction the CAs are asked (once for a group where a CA issues together), their answers
verified, and the containers built and re-opened.
settle: one transaction writes everything, if the claims still hold and the rows are unchanged: certificates,
sealed token, erased keys, queued mail, audit events (step 6). A token for which this fails is settled
certificate by certificate (issuance/settlement.py), and sealed after its last one. Slow work that needs no
lock (key, order, lints, containers) is done before the transaction that writes it.

Faults: a CA that is down or does not answer delays (next_attempt_at of the row); a refusal by a CA or a
linter fails the request for good; when the lease of a dead worker has ended its rows are due again, the
sweep enqueues them, and the order is looked up at the CA before it is asked again; while the person is
Inactive issuance waits, and certificates that came meanwhile are put on hold; a certificate for a Locked
person or an ended request is revoked; a certificate that ends before its token is sealed gets a new key and
order. ROAD (workflow/__init__.py) names the test of each (`survives`). Orders whose outcome is unknown:
ca_bridge/issuing.py.
PstmProcSubRequestSoftwareToken of Nexus.
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
from identity_manager.workflow.issuance import (
    claims,
    containers,
    drafting,
    finished_here,
    order_journalling,
    settlement,
    surplus,
)
from identity_manager.workflow.issuance.claims import ClaimedCertificate, ClaimedGroup, ClaimedToken
from identity_manager.workflow.issuance.containers import ContainerPart

logger = logging.getLogger(__name__)


def issue(*, certificate_id: uuid.UUID) -> None:
    """Claim the due certificates of the certificate's token and have them issued; seal a complete token.

    Does nothing if none is due. While the circuit breaker of a CA is open, its certificates stay due, except
    for a trial now and then. Errors are stored on the certificates, which are retried later. Under load
    several tokens are claimed and settled together (group commit).
    """
    if finished_here.has(certificate_id):
        return
    group = claims.claim(certificate_id)
    group.each_certificate(order_journalling.draft)
    ordered = _done_together(
        filter(order_journalling.is_plain, group.tokens), order_journalling.order_together
    )
    group.each(order_journalling.order_alone, but=ordered)
    _ask_together(group)
    group.each_certificate(_ask)
    sealed = {token: made for token in group.tokens if (made := _build_token(token)) is not None}
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
    """Do the work for all tokens in one transaction; return those done, none after an error (rolled back).

    The caller does the others one by one.
    """
    tokens, done = list(plain), list[ClaimedToken]()
    error = error_of(lambda: done.extend(work(tokens) if tokens else ()))
    if error is not None:  # the transaction was rolled back
        level = logging.INFO if isinstance(error, ConcurrentTransition) else logging.WARNING
        logger.log(level, "%d tokens go one by one, because of %s.", len(tokens), type(error).__name__)
    return done


def _ask_together(group: ClaimedGroup) -> None:
    """Ask those CAs that issue for several orders with one call. Each order without an answer goes alone."""
    claimed = [each for token in group.tokens for each in token.claimed]
    issued: dict[uuid.UUID, issuing.Issued] = {}
    begun = [each.begun for each in claimed if each.begun is not None]
    error = error_of(lambda: issued.update(issuing.ask_together(begun)))
    if error is not None:  # the bridge has handled what its CAs raise: this is the task's soft time limit
        group.stop(error)
    for each in claimed:
        each.outcome = issued.get(each.order_id) if each.begun is not None else None


def _ask(each: ClaimedCertificate) -> None:
    """Ask the CA once, unless it has been asked, and verify the certificate that it returns."""
    if each.outcome is None:
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


def _build_token(token: ClaimedToken) -> step6_passphrase.Sealed | None:
    """Build a token's containers and mail if all its certificates are issued and none has ended; else None.

    On an error the token is left to the task road.seal_token, which stores the error on its row.
    """
    if not token.is_complete(timezone.now()):
        return None
    made: list[step6_passphrase.Sealed] = []
    error = error_of(lambda: made.append(_built(token)))
    if error is not None:
        logger.warning("Token %s is sealed later, because of %s.", token.token.pk, type(error).__name__)
    return made[0] if made and made[0].intake.reason is None else None


def _built(token: ClaimedToken) -> step6_passphrase.Sealed:
    built = step6_passphrase.build(_part(token, row) for row in token.wanted)
    return step6_passphrase.with_mail(built, token.token)


def _part(token: ClaimedToken, row: Certificate) -> ContainerPart:
    each = next((each for each in token.claimed if each.row is row), None)
    if each is None:
        return containers.part_of(row)
    if each.examined is None or each.examined.facts is None:
        raise ValueError("It was not issued.")
    whole = each.examined.whole
    key = each.key or containers.open_key(row)
    return ContainerPart(row.token_id, row, key, whole.certificate, whole.chain, each.examined.facts)


def _finish(
    sealed: dict[ClaimedToken, step6_passphrase.Sealed], tokens: Sequence[ClaimedToken]
) -> list[ClaimedToken]:
    """Settle and seal these tokens in one transaction (group commit); return those that were settled.

    Tokens whose rows were changed meanwhile are skipped. Any other error is raised and rolls back all.
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
    """Whether neither the key archive nor the targets that alone deliver the token have an obstacle."""
    return sealed.obstacle(token.token, token.wanted) is None


def _record(claimed: Iterable[ClaimedCertificate]) -> list[AuditEvent]:
    """Journal the CA's answers and transition the certificates, unsaved; return the audit events."""
    answered = [(each, each.examined) for each in claimed if each.examined is not None]
    issuing.record_issued((each.begun, examined) for each, examined in answered if each.begun is not None)
    events = []
    for each, examined in answered:
        order = each.begun.order if each.begun else None
        if order is None:
            order = issuing.record(
                each.order_id, examined.came, examined=examined, on_surplus=surplus.record_found
            )
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
    """Look up an order that an ended request left at a CA; if it was issued, have the certificate revoked."""
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
