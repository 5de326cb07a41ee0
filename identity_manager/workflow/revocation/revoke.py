"""Revocation: decided by a person or by the road, then carried to the CA: claim, act, settle.

Where the CA cannot be told, it is left to an officer, who has it revoked there by hand and says so here; a CA
that can be asked whether it was done is asked now and then, and its word counts too.

PstmProcRevokeAllSofttokenTypes and PcmProcLockCertificates of the original.
"""

import uuid
from collections.abc import Collection
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
from identity_manager.models.requests.software_token import MAY_LIVE_ON
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
    """Why the token cannot be revoked, whoever asks, or None."""
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
        kept = kept_certificates(token, encryption)
        require(not kept or ends_something(token, kept), else_=ONLY_ENCRYPTION, field="encryption")

        end_token(token, reason=reason, actor=actor, keep=kept)
        return token


def kept_certificates(token: SoftwareToken, encryption: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """The certificates of a locked token that stay, where these encryption certificates are revoked."""
    rows = locking.certificates_of(token)
    return frozenset(row.pk for row in rows if row.pk not in encryption and row.may_outlive_token)


def ends_something(token: SoftwareToken, kept: Collection[uuid.UUID]) -> bool:
    """Whether a certificate of the locked token is left to be revoked beside those that are kept."""
    return any(row.is_living and row.pk not in kept for row in locking.certificates_of(token))


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
    """Decide that a locked certificate is revoked; the worker tells the CA."""
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
    """Why nobody's hand is needed to revoke the certificate, or None."""
    return None if certificate.is_to_be_revoked_by_hand(timezone.now()) else NOT_BY_HAND


def done_by_hand(*, actor: Person, certificate_id: uuid.UUID) -> Certificate:
    """An officer says that a certificate was revoked at its CA, which cannot be told from here.

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
    """Have a decided revocation done by the CA, or leave it due. Does nothing where it is not due.

    What has ended meanwhile expires, and no CA is told. Whatever is raised stands on the certificate, which
    is tried again later.
    """
    with transaction.atomic():
        claim_id = Certificate.objects.to_be_revoked().claim(certificate_id, now=timezone.now())
    if claim_id is None:
        return
    with retry_later_on_error(partial(retry_certificate_later, certificate_id, claim_id)):
        _settle(certificate_id, claim_id, _outcome(Certificate.objects.get(pk=certificate_id)))


def expire(certificate: Certificate) -> None:
    """The time of a locked certificate is over: nothing waits for it any more."""
    certificate.expire()
    certificate.save()
    tell_of_end(certificate)


def tell_of_end(certificate: Certificate) -> None:
    """Write down that the time of a locked certificate is over."""
    audit.record(
        audit.Event.CERTIFICATE_EXPIRED,
        actor=None,
        subject=certificate.token,
        certificate=str(certificate.pk),
        serial=certificate.serial,
    )


def expire_when_over(token: SoftwareToken) -> bool:
    """End a locked token of which no certificate is left, in the caller's transaction; whether it was so."""
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
    """What its CA says; None where it was not told, because the certificate has ended."""
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
    """Of a renewed token: where its CA cannot be told, it ends by its own date and is nobody's task."""
    superseded = certificate.revocation_reason == RevocationReason.SUPERSEDED
    return superseded and certificate.token.state == TokenState.REPLACED


def _is_refused_for_good(outcome: RevocationOutcome | CaError) -> bool:
    return isinstance(outcome, CaError) and outcome.permanent


def _words(outcome: RevocationOutcome | CaError) -> str:
    """What stands on the row; nothing where the CA has no revocation at all, which is no error."""
    if isinstance(outcome, CaError):
        return outcome.words
    return "" if outcome is RevocationOutcome.UNSUPPORTED else outcome.value
