"""Step 5: each certificate is issued by its CA: claim, act, settle.

claim: the key is wrapped onto the certificate's own row and the order journalled, before the CA is asked.
act: the CA is asked, and what came back is verified, outside any transaction.
settle: it is written down, only where the claim is still ours.
What takes its time and locks nothing (key, order, lints) is made before the transaction that needs it.

What may fail here, and what becomes of it: a CA that is down or silent delays (next try on the row); a CA or
a linter that says no fails the request for good; a worker that dies leaves its lease, which the sweep takes
up, and the order is looked up at the CA before it is asked again; while the person is Inactive it waits, and
what was issued meanwhile is put on hold; what comes for a Locked person or an ended request is revoked; what
ends before its token is sealed gets a new key and order. ROAD, in __init__.py of this folder, has the test of
each (`survives`). How a CA is asked, and what is done where nobody knows what it did: ca_bridge/issuing.py.
PstmProcSubRequestSoftwareToken of the original.
"""

import uuid
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.contract import Answer, KeyAlgorithm, RevocationReason
from ca_bridge.database.prepared_queries import Statement
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.keys import pool as key_pool
from ca_bridge.models import CaOrder
from ca_bridge.x509 import verification
from identity_manager import audit
from identity_manager.authorities import circuit_breaker
from identity_manager.models import (
    AuditEvent,
    Certificate,
    CertificateState,
    PersonState,
    RequestState,
    TokenState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.retry_later import (
    retry_certificate_later,
    retry_later_on_error,
    store_error,
)
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import completion, snapshot
from identity_manager.workflow.issuance import failures
from identity_manager.workflow.issuance.failures import Failure
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import hold, revoke

Given = TypeVar("Given")
Made = TypeVar("Made")
ALIVE = (RequestState.ISSUING, RequestState.FAILED)
_NOT_ORDERED = Statement[Certificate](
    lambda pk, now: (
        Certificate.objects.to_be_issued()
        .due(now)
        .filter(pk=pk, order=None)
        .select_related("token__token_type")
    ),
    pk=models.UUIDField(),
    now=models.DateTimeField(),
)
_RESTORED_SINCE = Statement[uuid.UUID](
    lambda pk: AuditEvent.objects.filter(name=audit.Event.SYSTEM_RESTORED, pk__gt=pk).values_list(
        "pk", flat=True
    )[:1],
    pk=models.UUIDField(),
)


@dataclass(frozen=True)
class Claim:
    """A certificate that this worker has, and the order to put to its CA."""

    certificate_id: uuid.UUID
    claim_id: uuid.UUID
    order_id: uuid.UUID
    ca: str
    new_order: CaOrder | None = None  # where it was journalled just now


@dataclass(frozen=True)
class _Drawn:
    """A key, and the order that was drawn up for it, or why there is none. wanted: what it is an order of."""

    algorithm: KeyAlgorithm
    key: keys.PrivateKey
    wanted: tuple[str, dict[str, Any], int]
    order: issuing.Drawn | CaError


def issue(*, certificate_id: uuid.UUID) -> completion.Taken | None:
    """Have one certificate issued, or leave it due for a later try. Does nothing where it is not due.

    While its CA does not answer it stays due as it is, but for a trial now and then. Whatever is raised
    stands on the certificate, which is tried again later. Returns the token, where this was the last that it
    waited for: whoever had it issued has taken it, and seals it as well.
    """
    with retry_later_on_error(partial(_put_off_due, certificate_id)):
        claim = _claim(certificate_id) if circuit_breaker.allows_call(certificate_id) else None
    if claim is None:
        return None
    with retry_later_on_error(partial(retry_certificate_later, claim.certificate_id, claim.claim_id)):
        outcome = _outcome(issuing.ask, claim.new_order or claim.order_id)
        taken = _settle(claim, outcome)
    with retry_later_on_error(partial(completion.put_off, taken)) if taken is not None else nullcontext():
        circuit_breaker.record_outcome(claim.ca, claim.order_id, outcome)
    return taken


def _claim(certificate_id: uuid.UUID) -> Claim | None:
    drawn, now = _drawn(certificate_id), timezone.now()
    with transaction.atomic():
        try:
            certificate = locking.certificate_to_be_issued(certificate_id, now=now)
        except Certificate.DoesNotExist:
            if drawn is not None:  # a message came twice, and another worker was quicker
                key_pool.pool.give_back(drawn.algorithm, drawn.key)
            return None
        claim_id = certificate.claim_locked(now)
        obstacle = _obstacle(certificate)
        if obstacle:
            _stop(certificate, obstacle)
            return None
        new_order = None
        if certificate.order_id is None:
            new_order = _bind(certificate, drawn)
        else:
            certificate.save()
        if certificate.order_id is None:
            return None
        return Claim(certificate_id, claim_id, certificate.order_id, _line(certificate)["ca"], new_order)


def _put_off_due(certificate_id: uuid.UUID, error: Exception) -> None:
    """Before it was claimed: that was a try all the same."""
    now = timezone.now()
    with transaction.atomic(), suppress(Certificate.DoesNotExist):
        certificate = locking.certificate_to_be_issued(certificate_id, now=now)
        certificate.claim_locked(now)
        store_error(certificate, error)


def _wanted(certificate: Certificate) -> tuple[str, dict[str, Any], int]:
    """What is to be ordered: under which key, which line of what was approved, for how many days."""
    key = certificate.order_key(certificate.orders_made + 1)
    return key, _line(certificate), certificate.token.snapshot["validity_days"]


def _drawn(certificate_id: uuid.UUID) -> _Drawn | None:
    """For a due certificate without an order. Outside any transaction: keys and lints take their time."""
    certificate = _NOT_ORDERED.first(pk=certificate_id, now=timezone.now())
    if certificate is None:
        return None
    algorithm = KeyAlgorithm(certificate.token.token_type.key_algorithm)
    key = key_pool.pool.take(algorithm)
    return _Drawn(algorithm, key, _wanted(certificate), _outcome(partial(_draw_up, certificate), key))


def _draw_up(certificate: Certificate, key: keys.PrivateKey) -> issuing.Drawn:
    """Raises CaError."""
    idempotency_key, line, days = _wanted(certificate)
    now = timezone.now()
    return issuing.draw_up(
        ca=line["ca"],
        idempotency_key=idempotency_key,
        content=snapshot.content_of(certificate),
        ca_profile=line["ca_profile"],
        key=key,
        validity=issuing.Validity(now, now + timedelta(days=days)),
    )


def _obstacle(certificate: Certificate) -> Failure | None:
    """Why nothing may be asked for now: the person is not Active, or not the one who was approved."""
    reason = eligibility.person_obstacle(certificate.token.person)
    if reason is not None:
        return failures.of_reason(reason)
    changed = snapshot.differences([certificate.token])
    return failures.of_change(changed) if changed else None


def _bind(certificate: Certificate, drawn: _Drawn | None) -> CaOrder | None:
    """Wrap the key onto the row and journal the order, where it is not refused before anybody is asked.

    Where none was drawn up, or another than is wanted now, because an officer reset the row between the two
    looks at it, the sweep comes back.
    """
    if drawn is None or drawn.wanted != _wanted(certificate):
        return None
    try:
        return _order(certificate, drawn)
    except CaError as error:  # nothing was journalled
        _settle_error(certificate, error)
        return None


def _order(certificate: Certificate, drawn: _Drawn) -> CaOrder:
    """The key is wrapped onto the row in the transaction that journals the order. Raises CaError."""
    if isinstance(drawn.order, CaError):
        raise drawn.order
    key, order = drawn.key, issuing.prepare(drawn.order)
    if _may_have_been_asked(certificate):
        issuing.doubt(order)
    certificate.order = order
    certificate.orders_made += 1
    certificate.public_key_sha256 = keys.public_key_sha256(key).hex()
    certificate.private_key_wrapped = vault.wrap(
        keys.to_pkcs8(key), purpose=vault.Purpose.PRIVATE_KEYS, record=certificate.pk
    )
    certificate.save()
    audit.record(
        audit.Event.KEY_BOUND,
        actor=None,
        subject=certificate.token,
        certificate=str(certificate.pk),
        public_key=certificate.public_key_sha256,
    )
    return order


def _line(certificate: Certificate) -> dict[str, Any]:
    """What was approved for this certificate."""
    line: dict[str, Any] = certificate.token.snapshot["certificates"][certificate.position]
    return line


def _may_have_been_asked(certificate: Certificate) -> bool:
    """Whether the database was put back since the certificate was first wanted: its CA may know more than we.

    Identifiers begin with the time (UUIDv7), so an event of a greater one came later.
    """
    return _RESTORED_SINCE.first(pk=certificate.pk) is not None


def clear_up(*, certificate_id: uuid.UUID) -> None:
    """An ended request left an order at a CA: find out whether it was issued, and have that revoked."""
    with transaction.atomic():
        claim_id = Certificate.objects.with_orphaned_order().claim_through_subquery(
            certificate_id, now=timezone.now()
        )
        order_id, ca = Certificate.objects.values_list("order_id", "profile__ca").get(pk=certificate_id)
    if claim_id is None or order_id is None:
        return
    with retry_later_on_error(partial(retry_certificate_later, certificate_id, claim_id)):
        _settle(Claim(certificate_id, claim_id, order_id, ca), _outcome(issuing.look_up, order_id))


def _outcome(call: Callable[[Given], Made], given: Given) -> Made | CaError:
    try:
        return call(given)
    except CaError as error:
        return error


def _settle(claim: Claim, outcome: Answer | CaError) -> completion.Taken | None:
    """Return the token that is to be sealed now. What came is linted before anything is locked."""
    order = claim.new_order or claim.order_id
    examined = None if isinstance(outcome, CaError) else issuing.examine(order, outcome)
    with transaction.atomic():
        certificate = locking.certificate(claim.certificate_id)
        ours = certificate.claim_id == claim.claim_id and certificate.state == CertificateState.ORDERED
        if isinstance(outcome, CaError) and ours:  # whoever outlived the lease may have brought the answer
            outcome = issuing.settled(claim.order_id) or outcome
        if isinstance(outcome, CaError):
            if ours:
                _settle_error(certificate, outcome)
            return None
        # Whoever outlived the lease settles nothing; a certificate that they hold is used, or is revoked.
        order = issuing.record(claim.order_id, outcome, late=not ours, examined=examined)
        if not ours:
            return None
        if order.state == CaOrder.State.ISSUED:
            return _settle_issued(certificate, order)
        if order.state == CaOrder.State.REFUSED:
            _refuse_by_ca(certificate, message=order.error, detail=order.detail)
        else:
            promised = order.ask_not_before if order.state == CaOrder.State.PENDING else None
            certificate.settle_later(order.detail, now=timezone.now(), not_before=promised)
            certificate.save()
        return None


def _settle_error(certificate: Certificate, error: CaError) -> None:
    if not error.permanent:
        certificate.settle_later(error.words, now=timezone.now())
        certificate.save()
    elif certificate.order_id is not None and issuing.park(certificate.order_id):
        _stop(certificate, failures.of_refusal(certificate, message=error.message), said=error.words)
    else:
        if certificate.order_id is not None:
            issuing.withdraw(certificate.order_id, because=error)
        _refuse_by_ca(certificate, message=error.message, detail=error.detail)


def _stop(certificate: Certificate, failure: Failure, *, said: str = "") -> None:
    """Nothing more may be asked for. What its CA has issued, or may have, is not forgotten: it stays ordered.

    Retried by an officer it is looked up and used; where the request ends, it is looked up and revoked.
    """
    if certificate.order_id is None or not issuing.may_have_issued(certificate.order_id):
        if certificate.order_id is not None:
            issuing.withdraw(certificate.order_id)
        failures.refuse(certificate, failure)
        return
    certificate.settle_later(said, now=timezone.now())
    certificate.save()
    failures.fail_request(certificate, failure)


def _settle_issued(certificate: Certificate, order: CaOrder) -> completion.Taken | None:
    issued = order.certificate or b""
    certificate.issue(certificate=issued, facts=issuing.describe(issued))
    certificate.settle_lease()
    certificate.save()
    token = certificate.token
    _notice_shorter(certificate, order)
    audit.record(
        audit.Event.CERTIFICATE_ISSUED,
        actor=None,
        subject=token,
        certificate=str(certificate.pk),
        serial=certificate.serial,
        issuer=certificate.issuer,
        public_key=certificate.public_key_sha256,
    )
    if token.request.state not in ALIVE or token.state != TokenState.ISSUING:
        _revoke_unwanted(certificate)
    elif token.person.state == PersonState.LOCKED:
        _revoke_unwanted(certificate)
        failures.fail_request(certificate, failures.of_reason(eligibility.NOT_ACTIVE[PersonState.LOCKED]))
    elif token.person.state == PersonState.INACTIVE:
        hold.decide(certificate, wanted=True)
    else:
        return completion.take_when_complete(token)
    return None


def _notice_shorter(certificate: Certificate, order: CaOrder) -> None:
    """A CA may cut the time: it is used all the same, and everybody sees it."""
    until = certificate.not_after
    if until is None or until >= order.not_after - verification.SHORTER:
        return
    certificate.shorter_than = order.not_after
    certificate.save()
    audit.record(
        audit.Event.CERTIFICATE_SHORTER,
        actor=None,
        subject=certificate.token,
        certificate=str(certificate.pk),
        serial=certificate.serial,
        until=until.isoformat(),
        ordered=order.not_after.isoformat(),
    )


def _revoke_unwanted(certificate: Certificate) -> None:
    """The CA issued what nobody may have any more."""
    revoke.decide(certificate, reason=RevocationReason.CESSATION_OF_OPERATION, actor=None)


def _refuse_by_ca(certificate: Certificate, *, message: str, detail: str) -> None:
    """The CA, or the check before it, said no for good: in its own words."""
    failures.refuse(
        certificate, failures.of_refusal(certificate, message=message), said=message, detail=detail
    )
