"""Revocation: decided by a person or by the road, then carried to the CA: claim, act, settle.

Where the CA has no revocation, an officer revokes there manually and confirms it here; a CA whose status can
be read is polled, and its answer counts too.

PstmProcRevokeAllSofttokenTypes and PcmProcLockCertificates of the original.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationOutcome, RevocationReason
from ca_bridge.database.state_machine import save_many
from ca_bridge.errors import CaError
from identity_manager import audit, queue
from identity_manager.models import (
    AuditEvent,
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
from identity_manager.transactions.retry_later import for_all_or_each, retry_later_on_error
from identity_manager.workflow import completion
from identity_manager.workflow.policy import eligibility, permitted_actions
from identity_manager.workflow.revocation import groups
from identity_manager.workflow.revocation.groups import Outcome
from identity_manager.workflow.targets import planning

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

        end_token(token, reason=reason, actor=actor, keep=kept, rows=rows)
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
    rows: Iterable[Certificate] | None = None,
) -> None:
    """Revoke a locked token in the caller's transaction: passphrase gone, certificates to be revoked.

    keep: the certificates that stay valid. rows: all of them, where the caller has locked them. A token that
    has ended already stays what it is; of it, living certificates are revoked.
    """
    if token.state in MAY_LIVE_ON:
        audit.append(_decide_all(token, reason=reason, actor=actor, keep=keep, rows=rows))
        return
    planning.review_later(token.pk)
    had_passphrase = token.passphrase_wrapped is not None
    token.revoke(reason=reason.value, now=timezone.now())
    token.save()
    events = _decide_all(token, reason=reason, actor=actor, keep=keep, rows=rows)
    if token.kind == RequestKind.RECOVERY:  # nothing can be revoked: its files go
        anonymisation.remove_containers(token)
    if had_passphrase:
        events.append(audit.event_about(audit.Event.PASSPHRASE_DESTROYED, actor=actor, subject=token))
    revoked = audit.event_about(audit.Event.TOKEN_REVOKED, actor=actor, subject=token, reason=reason.value)
    audit.append([*events, revoked, *completion.issue_request(token)])
    completion.complete_request(token)


def revoke_certificates(
    token: SoftwareToken,
    *,
    reason: RevocationReason,
    actor: Person | None,
    keep: Collection[uuid.UUID] = (),
) -> None:
    """Decide the revocation of each issued certificate of a locked token, but for those to keep."""
    audit.append(_decide_all(token, reason=reason, actor=actor, keep=keep))


def _decide_all(
    token: SoftwareToken,
    *,
    reason: RevocationReason,
    actor: Person | None,
    keep: Collection[uuid.UUID],
    rows: Iterable[Certificate] | None = None,
) -> list[AuditEvent]:
    """As revoke_certificates; return the events, for the caller to append with its own."""
    living = [row for row in (rows or locking.certificates_of(token)) if row.is_living and row.pk not in keep]
    decided = (_decide(certificate, reason=reason, actor=actor) for certificate in living)
    return [event for event in decided if event is not None]


def decide(certificate: Certificate, *, reason: RevocationReason, actor: Person | None) -> None:
    """Decide the revocation of a locked certificate and make it due; a worker tells the CA."""
    event = _decide(certificate, reason=reason, actor=actor)
    if event is not None:
        audit.append([event])


def _decide(certificate: Certificate, *, reason: RevocationReason, actor: Person | None) -> AuditEvent | None:
    """As decide; return the event, or None where it was decided before."""
    if certificate.revocation_decided_at is not None:
        return None
    certificate.decide_revocation(reason=reason, now=timezone.now())
    certificate.save()
    queue.after_commit(REVOKE, certificate.pk)
    planning.review_later(certificate.token_id)
    return audit.event_about(
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
        audit.append([_by_hand_event(audit.Event.CERTIFICATE_REVOKED_BY_HAND, certificate, actor=actor)])
        return certificate


def _by_hand_event(event: audit.Event, certificate: Certificate, *, actor: Person | None) -> AuditEvent:
    return audit.event_about(
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

    Others that have waited go along (groups.py). A certificate that has expired meanwhile expires without a
    call. Any exception is stored on the certificates, which are retried later.
    """
    claimed = groups.claim(certificate_id)
    if claimed is not None:
        with retry_later_on_error(claimed.retry_later):
            _settle_group(claimed.claim_id, groups.ask(claimed.rows))


def expire(certificate: Certificate) -> None:
    """A locked certificate has expired: clear its due work."""
    certificate.expire()
    certificate.save()
    planning.review_later(certificate.token_id)
    tell_of_end(certificate)


def tell_of_end(certificate: Certificate) -> None:
    """Record the audit event that a locked certificate has expired."""
    audit.append([_event(audit.Event.CERTIFICATE_EXPIRED, certificate)])


def _event(event: audit.Event, certificate: Certificate) -> AuditEvent:
    facts = {"certificate": str(certificate.pk), "serial": certificate.serial}
    return audit.event_about(event, actor=None, subject=certificate.token, **facts)


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


def _settle_group(claim_id: uuid.UUID, outcomes: Mapping[uuid.UUID, Outcome]) -> None:
    """Write down what came of each, in one transaction; where that fails, one by one."""
    for_all_or_each(outcomes, lambda keys: _settle(claim_id, {key: outcomes[key] for key in keys}))


def _settle(claim_id: uuid.UUID, outcomes: Mapping[uuid.UUID, Outcome]) -> int:
    """Return how many were still ours."""
    with transaction.atomic():
        rows = [row for row in locking.certificates(outcomes) if row.claim_id == claim_id]
        now = timezone.now()
        events = [event for row in rows for event in _apply(row, outcomes[row.pk], now=now)]
        save_many(rows)
        if events:
            audit.append(events)
    return len(rows)


def _apply(certificate: Certificate, outcome: Outcome, *, now: datetime) -> list[AuditEvent]:
    """Change a locked row, which the caller saves; return what happened."""
    if outcome is None:
        certificate.expire()
        return [_event(audit.Event.CERTIFICATE_EXPIRED, certificate)]
    if outcome in (RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED):
        certificate.revoke(now=now)
        certificate.settle_lease()
        return [_event(audit.Event.CERTIFICATE_REVOKED, certificate)]
    if outcome is RevocationOutcome.UNSUPPORTED and _is_superseded(certificate):
        certificate.withdraw_revocation()
        return []
    if outcome is RevocationOutcome.UNSUPPORTED or _is_refused_for_good(outcome):
        is_new = certificate.by_hand_since is None
        certificate.leave_to_hands(now=now, error=_words(outcome))
        return (
            [_by_hand_event(audit.Event.REVOCATION_LEFT_TO_HANDS, certificate, actor=None)] if is_new else []
        )
    certificate.settle_later(_words(outcome), now=now)
    return []


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
