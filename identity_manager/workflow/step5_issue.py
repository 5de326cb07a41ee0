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

from ca_bridge import issuing
from identity_manager import audit
from identity_manager.authorities import circuit_breaker
from identity_manager.models import AuditEvent, Certificate
from identity_manager.transactions import locking
from identity_manager.transactions.retry_later import error_of, retry_certificate_later, retry_later_on_error
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.archive import intake
from identity_manager.workflow.issuance import claims, drawing, ordering, settlement
from identity_manager.workflow.issuance.claims import ClaimedCertificate, ClaimedToken, Group
from identity_manager.workflow.step6_passphrase import Part

logger = logging.getLogger(__name__)


def issue(*, certificate_id: uuid.UUID) -> None:
    """Have what is due of the certificate's token issued, or leave it due for a later try.

    A token of which nothing else is to come is sealed with it. Does nothing where nothing is due. While its
    CA does not answer a certificate stays due as it is, but for a trial now and then. Whatever is raised
    stands on the certificates, which are tried again later.
    """
    group = claims.claim(certificate_id)
    group.each(ordering.draw)
    _together_or_alone(group, ordering.is_plain, ordering.order_together, ordering.order_alone)
    group.each(_ask)
    sealed = {token: made for token in group.tokens if (made := _sealed(token)) is not None}
    answered = [each for token in group.tokens for each in token.claimed]
    _together_or_alone(group, sealed.__contains__, partial(_finish, sealed), _settle_alone)
    circuit_breaker.record_outcomes(
        (
            (drawing.line(each.row)["ca"], each.order_id, each.outcome)
            for each in answered
            if each.outcome is not None
        ),
        troubled=group.troubled,
    )
    group.finish()


def _together_or_alone(
    group: Group,
    is_plain: Callable[[ClaimedToken], bool],
    together: Callable[[Sequence[ClaimedToken]], None],
    alone: Callable[[ClaimedToken], None],
) -> None:
    """Do it with all plain tokens in one transaction; with the others, or where that fails, one by one."""
    plain = [token for token in group.tokens if is_plain(token)]
    error = error_of(partial(together, plain)) if plain else None
    if error is not None:  # it was rolled back
        level = logging.INFO if isinstance(error, ordering.CHANGED) else logging.WARNING
        logger.log(level, "Tokens are done one by one, because of %s.", type(error).__name__)
        plain = []
    group.each(lambda token: None if token in plain else alone(token))


def _ask(token: ClaimedToken) -> None:
    """Ask the CA of each certificate once, and examine what came."""
    for each in token.claimed:
        each.outcome = drawing.outcome(partial(issuing.ask, each.begun or each.order_id))
        each.examined = _examined(each)


def _examined(each: ClaimedCertificate) -> issuing.Examined | None:
    if not isinstance(each.outcome, issuing.Issued):
        return None
    return issuing.examine(each.begun.order if each.begun else each.order_id, each.outcome)


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
        return step6_passphrase.part_of(row)
    if each.examined is None or each.examined.facts is None:
        raise ValueError("It was not issued.")
    whole = each.examined.whole
    key = each.key or step6_passphrase.open_key(row)
    return Part(row, key, whole.certificate, whole.chain, each.examined.facts)


def _finish(sealed: dict[ClaimedToken, step6_passphrase.Sealed], tokens: Sequence[ClaimedToken]) -> None:
    """Settle and seal these tokens in one transaction. Raises whatever is in the way."""
    with transaction.atomic():
        if not locking.are_unchanged(row for token in tokens for row in token.certificates):
            raise ordering.ChangedError
        if any(intake.obstacle(sealed[token].intake, token.token, token.wanted) for token in tokens):
            raise ordering.ChangedError
        events = _record([each for token in tokens for each in token.claimed])
        events += step6_passphrase.seal_all([(token.token, token.wanted, sealed[token]) for token in tokens])
        audit.append(events)


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
            raise ordering.ChangedError
        each.row.order = order
        events += settlement.mark_issued(each.row, order, examined.facts)
    return events


def _settle_alone(token: ClaimedToken) -> None:
    for each in token.claimed:
        if each.outcome is not None:
            settlement.settle(
                certificate_id=each.row.pk,
                claim_id=each.claim_id,
                order_id=each.order_id,
                outcome=each.outcome,
                examined=each.examined,
            )


def clear_up(*, certificate_id: uuid.UUID) -> None:
    """An ended request left an order at a CA: find out whether it was issued, and have that revoked."""
    with transaction.atomic():
        claim_id = Certificate.objects.with_orphaned_order().claim_through_subquery(
            certificate_id, now=timezone.now()
        )
        order_id = Certificate.objects.values_list("order_id", flat=True).get(pk=certificate_id)
    if claim_id is None or order_id is None:
        return
    with retry_later_on_error(partial(retry_certificate_later, certificate_id, claim_id)):
        outcome = drawing.outcome(partial(issuing.look_up, order_id))
        examined = issuing.examine(order_id, outcome) if isinstance(outcome, issuing.Issued) else None
        settlement.settle(
            certificate_id=certificate_id,
            claim_id=claim_id,
            order_id=order_id,
            outcome=outcome,
            examined=examined,
        )
