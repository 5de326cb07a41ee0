"""Holds (certificateHold, RFC 5280 5.3.1): a token is suspended for a while, and reinstated.

Decided by an administrator or by a leave; then sent to the CA: claim, act, settle. A CA that cannot release a
certificate is not asked to hold it; that hold is in the database only. Before the call the row stores that
the CA may have the certificate on hold.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge import issuing
from ca_bridge.contract import RevocationOutcome
from ca_bridge.errors import CaError
from identity_manager import audit, queue, task_names
from identity_manager.mail import outbox
from identity_manager.models import (
    Certificate,
    CertificateState,
    Leave,
    Person,
    PersonState,
    SoftwareToken,
    TokenState,
)
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.models.requests.token_states import DELIVERABLE
from identity_manager.task_names import HOLD
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.transactions.retry_later import retry_certificate_later, retry_later_on_error
from identity_manager.workflow import completion
from identity_manager.workflow.delivery import installation
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import planning

NOT_TO_BE_HELD = Reason("not-to-be-held", _("Only a token that is in use can be put on hold."))
NOT_ON_HOLD = Reason("not-on-hold", _("This token is not on hold."))
ON_LEAVE = Reason(
    "on-leave",
    _("It is on hold because the person is Inactive, and comes back when the person is activated."),
)


@dataclass(frozen=True)
class HoldOutcome:
    """The result of the call. at_ca: whether the CA has the certificate on hold now; error: why not done."""

    at_ca: bool = False
    error: str | None = None


def hold_obstacle(token: SoftwareToken) -> Reason | None:
    """Why the token cannot be put on hold, or None."""
    return None if token.state in DELIVERABLE else NOT_TO_BE_HELD


def reinstatement_obstacle(token: SoftwareToken, *, by: Person | None = None) -> Reason | None:
    """Why the token cannot be reinstated, or None. by: the administrator who does it."""
    if by is not None and by.pk == token.person_id:
        return eligibility.YOUR_OWN_TOKEN
    if token.state != TokenState.ON_HOLD:
        return NOT_ON_HOLD
    if token.held_for_leave_id is not None and token.person.state == PersonState.INACTIVE:
        return ON_LEAVE
    return eligibility.person_obstacle(token.person)


def put_on_hold(*, actor: Person, token_id: uuid.UUID, reason: str) -> SoftwareToken:
    """Put a token on hold, by an administrator. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        token = locking.token(token_id)
        require(
            eligibility.administers(actor, token.person),
            else_=eligibility.NOT_ADMINISTRATOR,
            kind=NotAllowed,
        )
        refuse(hold_obstacle(token), kind=Stale)
        require(reason.strip(), else_=NO_REASON, field="reason")

        hold_token(token, leave=None, actor=actor, reason=reason.strip())
        return token


def reinstate(*, actor: Person, token_id: uuid.UUID) -> SoftwareToken:
    """End a hold that an administrator decided, by an administrator. Raises NotAllowed or Stale."""
    with transaction.atomic():
        token = locking.token(token_id)
        require(
            eligibility.administers(actor, token.person),
            else_=eligibility.NOT_ADMINISTRATOR,
            kind=NotAllowed,
        )
        refuse(eligibility.YOUR_OWN_TOKEN if actor.pk == token.person_id else None, kind=NotAllowed)
        refuse(reinstatement_obstacle(token), kind=Stale)

        reinstate_token(token, actor=actor)
        return token


def hold_token(
    token: SoftwareToken, *, leave: Leave | None, actor: Person | None, reason: str
) -> list[uuid.UUID]:
    """Put a locked token in use on hold, in the caller's transaction; return as hold_certificates."""
    token.hold(leave=leave, now=timezone.now())
    token.reason = reason[:LONGEST_REASON]
    token.save()
    held = hold_certificates(token)
    audit.record(audit.Event.TOKEN_HELD, actor=actor, subject=token, reason=reason)
    return held


def reinstate_token(token: SoftwareToken, *, actor: Person | None) -> None:
    """End the hold of a locked token, in the caller's transaction; expired certificates stay expired."""
    release_certificates(token)
    if revoke.expire_when_over(token):
        return
    installation.prolong_by_hold(token, held_at=token.held_at)
    token.reinstate()
    token.reason = ""
    token.save()
    audit.record(audit.Event.TOKEN_REINSTATED, actor=actor, subject=token)
    outbox.release_waiting(token.mails.all())
    completion.activate_if_delivered_and_noted(token)


def hold_certificates(token: SoftwareToken) -> list[uuid.UUID]:
    """Decide the hold of each valid certificate of a locked token; return the keys of these."""
    held = []
    for certificate in locking.certificates_of(token):
        if certificate.is_living and not certificate.hold_wanted:
            decide(certificate, wanted=True)
            held.append(certificate.pk)
    return held


def release_certificates(token: SoftwareToken, *, only: Collection[uuid.UUID] | None = None) -> None:
    """Decide the release of each certificate of a locked token, or of these only; expired ones expire."""
    for certificate in locking.certificates_of(token):
        if not certificate.is_living or (only is not None and certificate.pk not in only):
            continue
        if certificate.has_ended(timezone.now()):
            revoke.expire(certificate)
        elif certificate.hold_wanted:
            decide(certificate, wanted=False)


def decide(certificate: Certificate, *, wanted: bool) -> None:
    """Decide a hold or release of a locked certificate and make it due; a worker tells the CA."""
    certificate.decide_hold(wanted=wanted, now=timezone.now())
    certificate.save()
    planning.review_later(certificate.token_id)
    if certificate.hold_is_due:
        queue.after_commit(HOLD, certificate.pk)


def hold_at_ca(*, certificate_id: uuid.UUID) -> None:
    """Send a decided hold or release to the CA, or leave it due. Does nothing if it is not due.

    Any exception is stored on the certificate, which is retried later.
    """
    claim = _claim(certificate_id)
    if claim is None:
        return
    claimed, claim_id = claim
    with retry_later_on_error(partial(retry_certificate_later, certificate_id, claim_id)):
        _settle(claimed, _ask(claimed))


def _claim(certificate_id: uuid.UUID) -> tuple[Certificate, uuid.UUID] | None:
    now = timezone.now()
    with transaction.atomic():
        try:
            due = Certificate.objects.to_be_held_or_released().due(now)
            certificate = locking.certificate(certificate_id, among=due)
        except Certificate.DoesNotExist:
            return None
        claim_id = certificate.claim_locked(now)
        if certificate.hold_wanted:
            certificate.held_at_ca = True
        certificate.save()
        return certificate, claim_id


def _ask(certificate: Certificate) -> HoldOutcome:
    ca = certificate.ca
    if not ca:
        return HoldOutcome()
    try:
        if not certificate.hold_wanted:
            if certificate.held_at_ca:
                issuing.release(ca=ca, certificate=certificate.der)
            return HoldOutcome()
        answer = issuing.hold(ca=ca, certificate=certificate.der)
    except CaError as error:
        return HoldOutcome(error=error.words)
    if answer == RevocationOutcome.PENDING:
        return HoldOutcome(error=answer.value)
    return HoldOutcome(at_ca=answer != RevocationOutcome.UNSUPPORTED)


def _settle(claimed: Certificate, outcome: HoldOutcome) -> None:
    """Store the result; if the decision was changed during the call, make the new one due now."""
    with transaction.atomic():
        certificate = locking.certificate(claimed.pk)
        if certificate.claim_id != claimed.claim_id:
            return
        now = timezone.now()
        if outcome.error is None:
            _apply(certificate, held=claimed.hold_wanted, at_ca=outcome.at_ca)
        else:
            certificate.settle_later(outcome.error, now=now)
        turned = certificate.hold_is_due and (
            outcome.error is None or claimed.hold_wanted != certificate.hold_wanted
        )
        if turned or certificate.revocation_decided_at is not None:
            certificate.work_is_due(now)
            task = HOLD if certificate.revocation_decided_at is None else task_names.REVOKE
            queue.after_commit(task, certificate.pk)
        certificate.save()
        if certificate.state == CertificateState.VALID:
            completion.seal_when_complete(certificate.token)


def _apply(certificate: Certificate, *, held: bool, at_ca: bool) -> None:
    certificate.settle_lease()
    facts = {"certificate": str(certificate.pk), "serial": certificate.serial, "at_ca": at_ca}
    if held and certificate.state == CertificateState.VALID:
        certificate.hold(at_ca=at_ca)
        audit.record(audit.Event.CERTIFICATE_HELD, actor=None, subject=certificate.token, **facts)
    elif not held and certificate.state == CertificateState.ON_HOLD:
        certificate.release()
        audit.record(audit.Event.CERTIFICATE_RELEASED, actor=None, subject=certificate.token, **facts)
    else:
        certificate.held_at_ca = at_ca
