"""Revocation: decided by a person or by the road, then carried to the CA: claim, act, settle.

Where the CA has no revocation, an officer revokes there manually and confirms it here; a CA whose status can
be read is polled, and its answer counts too.

PstmProcRevokeAllSofttokenTypes and PcmProcLockCertificates of the original.
"""

import uuid
from collections.abc import Collection, Iterable
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge import issuing
from ca_bridge.contract import RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError
from identity_manager import audit, queue
from identity_manager.models import (
    Certificate,
    CertificateState,
    Person,
    RequestKind,
    SoftwareToken,
    TokenState,
)
from identity_manager.models.requests.token_states import MAY_LIVE_ON
from identity_manager.people import anonymisation
from identity_manager.task_names import REVOKE
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.transactions.retry_later import retry_certificate_later, retry_later_on_error
from identity_manager.workflow import completion
from identity_manager.workflow.policy import eligibility, permitted_actions

NOT_BY_HAND = Reason("not-by-hand", _("This revocation does not wait for anybody's hand any more."))
NOT_IN_USE = Reason(
    "not-in-use",
    _("This token is not in use any more."),
    _("This token is not in use any more, so there is nothing to revoke."),
)
ONLY_ENCRYPTION = Reason(
    "only-encryption",
    _("It has only encryption certificates: tick those that are to be revoked."),
)


def obstacle(token: SoftwareToken) -> Reason | None:
    """Why the token cannot be revoked, for every actor, or None."""
    return None if permitted_actions.can_be_revoked(token) else NOT_IN_USE


def revoke_token(
    *,
    actor: Person,
    token_id: uuid.UUID,
    reason: RevocationReason,
    encryption: Collection[uuid.UUID] = (),
) -> SoftwareToken:
    """Revoke one token: its owner (**Revoke certificates**) or an administrator.

    encryption: the encryption certificates that are revoked as well; the others stay valid until their own
    date (see `Certificate.may_outlive_token`). Raises NotAllowed, Stale, or
    NotPossible at `encryption`.
    """
    with transaction.atomic():
        token = locking.token(token_id)
        allowed = token.person_id == actor.pk or eligibility.administers(actor, token.person)
        require(allowed, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(obstacle(token), kind=Stale)
        rows = locking.certificates_of(token)
        kept = kept_certificates(rows, encryption)
        require(not kept or ends_something(rows, kept), else_=ONLY_ENCRYPTION, field="encryption")

        end_token(token, reason=reason, actor=actor, keep=kept)
        return token


def kept_certificates(rows: Iterable[Certificate], encryption: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Which of a locked token's certificates stay, where these encryption certificates are revoked."""
    return frozenset(row.pk for row in rows if row.pk not in encryption and row.may_outlive_token)


def ends_something(rows: Iterable[Certificate], kept: Collection[uuid.UUID]) -> bool:
    """Whether one of a locked token's certificates is left to be revoked beside those that are kept."""
    return any(row.is_living and row.pk not in kept for row in rows)


def end_token(
    token: SoftwareToken,
    *,
    reason: RevocationReason,
    actor: Person | None,
    keep: Collection[uuid.UUID] = (),
) -> None:
    """Revoke a locked token in the caller's transaction: passphrase gone, certificates to be revoked.

    keep: the certificates that stay valid. A token that has ended already stays what it is; of it, living
    certificates are revoked.
    """
    if token.state in MAY_LIVE_ON:
        revoke_certificates(token, reason=reason, actor=actor, keep=keep)
        return
    had_passphrase = token.passphrase_wrapped is not None
    token.revoke(reason=reason.value, now=timezone.now())
    token.save()
    revoke_certificates(token, reason=reason, actor=actor, keep=keep)
    if token.kind == RequestKind.RECOVERY:  # nothing can be revoked: its files go
        anonymisation.remove_containers(token)
    if had_passphrase:
        audit.record(audit.Event.PASSPHRASE_DESTROYED, actor=actor, subject=token)
    audit.record(audit.Event.TOKEN_REVOKED, actor=actor, subject=token, reason=reason.value)
    audit.append(completion.issue_request(token))
    completion.complete_request(token)


def revoke_certificates(
    token: SoftwareToken,
    *,
    reason: RevocationReason,
    actor: Person | None,
    keep: Collection[uuid.UUID] = (),
) -> None:
    """Decide the revocation of each issued certificate of a locked token, but for those to keep."""
    for certificate in locking.certificates_of(token):
        if certificate.is_living and certificate.pk not in keep:
            decide(certificate, reason=reason, actor=actor)


def decide(certificate: Certificate, *, reason: RevocationReason, actor: Person | None) -> None:
    """Decide the revocation of a locked certificate and make it due; a worker tells the CA."""
    if certificate.revocation_decided_at is not None:
        return
    certificate.decide_revocation(reason=reason, now=timezone.now())
    certificate.save()
    queue.after_commit(REVOKE, certificate.pk)
    audit.record(
        audit.Event.CERTIFICATE_REVOCATION_DECIDED,
        actor=actor,
        subject=certificate.token,
        certificate=str(certificate.pk),
        serial=certificate.serial,
        reason=reason.value,
    )


def by_hand_obstacle(certificate: Certificate) -> Reason | None:
    """Why the certificate needs no manual revocation, or None."""
    return None if certificate.is_to_be_revoked_by_hand(timezone.now()) else NOT_BY_HAND


def done_by_hand(*, actor: Person, certificate_id: uuid.UUID) -> Certificate:
    """An officer confirms the manual revocation of a certificate at its CA.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        certificate = locking.certificate(certificate_id)
        administers = eligibility.administers(actor, certificate.token.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(by_hand_obstacle(certificate), kind=Stale)

        certificate.revoke(now=timezone.now())
        certificate.settle_lease()
        certificate.save()
        _tell_by_hand(audit.Event.CERTIFICATE_REVOKED_BY_HAND, certificate, actor=actor)
        return certificate


def _tell_by_hand(event: audit.Event, certificate: Certificate, *, actor: Person | None) -> None:
    audit.record(
        event,
        actor=actor,
        subject=certificate.token,
        certificate=str(certificate.pk),
        serial=certificate.serial,
        issuer=certificate.issuer,
        ca=certificate.ca,
    )


def carry_out(*, certificate_id: uuid.UUID) -> None:
    """Tell the CA of a decided revocation, or leave it due. Does nothing where it is not due.

    A certificate that has expired meanwhile expires without a call. Any exception is stored on the
    certificate, which is retried later.
    """
    with transaction.atomic():
        claim_id = Certificate.objects.to_be_revoked().claim(certificate_id, now=timezone.now())
    if claim_id is None:
        return
    with retry_later_on_error(partial(retry_certificate_later, certificate_id, claim_id)):
        _settle(certificate_id, claim_id, _outcome(Certificate.objects.get(pk=certificate_id)))


def expire(certificate: Certificate) -> None:
    """A locked certificate has expired: clear its due work."""
    certificate.expire()
    certificate.save()
    tell_of_end(certificate)


def tell_of_end(certificate: Certificate) -> None:
    """Record the audit event that a locked certificate has expired."""
    audit.record(
        audit.Event.CERTIFICATE_EXPIRED,
        actor=None,
        subject=certificate.token,
        certificate=str(certificate.pk),
        serial=certificate.serial,
    )


def expire_when_over(token: SoftwareToken) -> bool:
    """Expire a locked token without living certificates, in the caller's transaction; whether it was so."""
    ended = (CertificateState.EXPIRED, CertificateState.REFUSED)
    if token.state in MAY_LIVE_ON or token.kind == RequestKind.RECOVERY:
        return False
    if token.certificates.exclude(state__in=ended).exists():
        return False
    had_passphrase = token.passphrase_wrapped is not None
    token.expire(now=timezone.now())
    token.save()
    if had_passphrase:
        audit.record(audit.Event.PASSPHRASE_DESTROYED, actor=None, subject=token)
    audit.record(audit.Event.TOKEN_EXPIRED, actor=None, subject=token)
    completion.complete_request(token)
    return True


def _outcome(certificate: Certificate) -> RevocationOutcome | CaError | None:
    """The outcome of the call; None where the certificate has expired, and no call was made."""
    if certificate.has_ended(timezone.now()):
        return None
    if not certificate.ca:
        return RevocationOutcome.UNSUPPORTED
    try:
        return issuing.revoke(
            ca=certificate.ca,
            certificate=certificate.der,
            reason=RevocationReason(certificate.revocation_reason),
        )
    except CaError as error:
        return error


def _settle(
    certificate_id: uuid.UUID, claim_id: uuid.UUID, outcome: RevocationOutcome | CaError | None
) -> None:
    with transaction.atomic():
        certificate = locking.certificate(certificate_id)
        if certificate.claim_id != claim_id:
            return
        if outcome is None:
            expire(certificate)
            return
        now = timezone.now()
        if outcome in (RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED):
            certificate.revoke(now=now)
            certificate.settle_lease()
            audit.record(
                audit.Event.CERTIFICATE_REVOKED,
                actor=None,
                subject=certificate.token,
                certificate=str(certificate.pk),
                serial=certificate.serial,
            )
        elif outcome is RevocationOutcome.UNSUPPORTED and _is_superseded(certificate):
            certificate.withdraw_revocation()
        elif outcome is RevocationOutcome.UNSUPPORTED or _is_refused_for_good(outcome):
            if certificate.by_hand_since is None:
                _tell_by_hand(audit.Event.REVOCATION_LEFT_TO_HANDS, certificate, actor=None)
            certificate.leave_to_hands(now=now, error=_words(outcome))
        else:
            certificate.settle_later(_words(outcome), now=now)
        certificate.save()


def _is_superseded(certificate: Certificate) -> bool:
    """Whether its token was renewed: it then ends by its own date where the CA has no revocation."""
    superseded = certificate.revocation_reason == RevocationReason.SUPERSEDED
    return superseded and certificate.token.state == TokenState.REPLACED


def _is_refused_for_good(outcome: RevocationOutcome | CaError) -> bool:
    return isinstance(outcome, CaError) and outcome.permanent


def _words(outcome: RevocationOutcome | CaError) -> str:
    """The error stored on the row; empty for a CA without revocation, which is no error."""
    if isinstance(outcome, CaError):
        return outcome.words
    return "" if outcome is RevocationOutcome.UNSUPPORTED else outcome.value
