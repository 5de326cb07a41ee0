"""Revocation: decided by a verb, then sent to the CA: claim, act, settle.

If the CA has no interface for revocation, an officer revokes there by hand and confirms it here; a CA whose
status can be read is polled, and its answer closes the task as well.

PstmProcRevokeAllSofttokenTypes and PcmProcLockCertificates of Nexus.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import group_commit
from identity_manager.workflow.revocation.group_commit import Outcome
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
    return None if token.is_revocable else NOT_IN_USE


def revoke_token(
    *,
    actor: Person,
    token_id: uuid.UUID,
    reason: RevocationReason,
    encryption: Collection[uuid.UUID] = (),
) -> SoftwareToken:
    """Revoke one token: its owner (**Revoke certificates**) or an administrator.

    encryption: encryption certificates to revoke as well; the others stay valid until their own date
    (`Certificate.may_outlive_token`). Raises NotAllowed, Stale, or NotPossible at `encryption`.
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


def revoke_tokens(
    *,
    actor: Person,
    token_ids: Collection[uuid.UUID],
    reason: RevocationReason,
    with_encryption: bool,
) -> dict[uuid.UUID, Reason]:
    """As revoke_token, for several at once, in a constant number of statements.

    with_encryption: whether encryption certificates are revoked as well. Returns the reasons, by token, of
    those that cannot be revoked; the others are revoked.
    """
    with transaction.atomic():
        tokens = locking.tokens(token_ids)
        certificates = locking.certificates_of_each(tokens)
        administered = _administered(actor, tokens)
        refused: dict[uuid.UUID, Reason] = {}
        endings = []
        for token in tokens:
            rows = certificates[token.pk]
            kept = frozenset() if with_encryption else kept_certificates(rows, ())
            allowed = token.person_id == actor.pk or token.person.organisational_unit in administered
            why_not = (None if allowed else eligibility.NOT_ADMINISTRATOR) or obstacle(token)
            if why_not is None and kept and not ends_something(rows, kept):
                why_not = ONLY_ENCRYPTION
            if why_not is None:
                endings.append(Ending(token, rows, kept))
            else:
                refused[token.pk] = why_not

        end_tokens(endings, reason=reason, actor=actor)
        return refused


def _administered(actor: Person, tokens: Iterable[SoftwareToken]) -> frozenset[str]:
    """The organisational units of the tokens' owners for which the actor is an administrator."""
    owners = {token.person.organisational_unit: token.person for token in tokens}
    return frozenset(unit for unit, owner in owners.items() if eligibility.administers(actor, owner))


def kept_certificates(rows: Iterable[Certificate], encryption: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
    """The certificates of a locked token that stay valid if these encryption certificates are revoked."""
    return frozenset(row.pk for row in rows if row.pk not in encryption and row.may_outlive_token)


def ends_something(rows: Iterable[Certificate], kept: Collection[uuid.UUID]) -> bool:
    """Whether a locked token has a certificate to revoke beside those that are kept."""
    return any(row.is_revocable and row.pk not in kept for row in rows)


def end_token(
    token: SoftwareToken,
    *,
    reason: RevocationReason,
    actor: Person | None,
    keep: Collection[uuid.UUID] = (),
    rows: Iterable[Certificate] | None = None,
) -> None:
    """Revoke a locked token in the caller's transaction: destroy its passphrase, decide its revocations.

    keep: certificates that stay valid. rows: all certificates, if the caller has locked them. An ended token
    keeps its state; its living certificates are revoked.
    """
    locked = list(rows or locking.certificates_of(token))
    end_tokens([Ending(token, locked, frozenset(keep))], reason=reason, actor=actor)


@dataclass(frozen=True)
class Ending:
    """A locked token that is to be revoked. rows: its certificates, locked. keep: those that stay valid."""

    token: SoftwareToken
    rows: Sequence[Certificate]
    keep: frozenset[uuid.UUID] = frozenset()

    @property
    def ends_token(self) -> bool:
        """Whether the token ends by this; of one that has ended, only certificates are revoked."""
        return self.token.state not in MAY_LIVE_ON


def end_tokens(endings: Sequence[Ending], *, reason: RevocationReason, actor: Person | None) -> None:
    """As end_token, for several tokens, in a constant number of statements; they share their requests."""
    ended = [each.token for each in endings if each.ends_token]
    destroyed = {token.pk for token in ended if token.passphrase_wrapped is not None}
    for token in ended:
        planning.review_later(token.pk)
        token.revoke(reason=reason.value, now=timezone.now())
    save_many(ended)
    living = [row for each in endings for row in each.rows if row.is_revocable and row.pk not in each.keep]
    events = _decide_each(living, reason=reason, actor=actor)
    for token in ended:
        if token.kind == RequestKind.RECOVERY:  # no certificate can be revoked: delete its files
            anonymisation.remove_containers(token)
        if token.pk in destroyed:
            events.append(audit.event_about(audit.Event.PASSPHRASE_DESTROYED, actor=actor, subject=token))
        events.append(
            audit.event_about(audit.Event.TOKEN_REVOKED, actor=actor, subject=token, reason=reason.value)
        )
    requests = {token.request_id: token for token in ended}
    audit.append([*events, *completion.issue_requests([token.request for token in requests.values()])])
    for token in requests.values():
        completion.complete_request(token)


def revoke_certificates(
    token: SoftwareToken,
    *,
    reason: RevocationReason,
    actor: Person | None,
    keep: Collection[uuid.UUID] = (),
) -> None:
    """Decide the revocation of each issued certificate of a locked token except those to keep."""
    rows = [row for row in locking.certificates_of(token) if row.is_revocable and row.pk not in keep]
    audit.append(_decide_each(rows, reason=reason, actor=actor))


def decide(certificate: Certificate, *, reason: RevocationReason, actor: Person | None) -> None:
    """Decide the revocation of a locked certificate and make it due, for a worker to send to the CA."""
    audit.append(_decide_each([certificate], reason=reason, actor=actor))


def decide_superseded(certificates: Iterable[Certificate], *, now: datetime) -> None:
    """As decide, of certificates of a token that its successor has replaced at this moment (`ended_at`).

    A CA without revocation lets these expire by themselves (`_is_superseded`).
    """
    audit.append(_decide_each(certificates, reason=RevocationReason.SUPERSEDED, actor=None, now=now))


def _decide_each(
    certificates: Iterable[Certificate],
    *,
    reason: RevocationReason,
    actor: Person | None,
    now: datetime | None = None,
) -> list[AuditEvent]:
    """As decide, for several; return the audit events.

    Earlier decisions stay as they are, but for *superseded*, which any other reason overrides.
    """
    overrides = reason != RevocationReason.SUPERSEDED
    new = [row for row in certificates if row.is_living or (overrides and row.is_revocable)]
    for certificate in new:
        certificate.decide_revocation(reason=reason, now=now or timezone.now())
    save_many(new)
    for certificate in group_commit.with_message(new):
        queue.after_commit(REVOKE, certificate.pk)
    for token_id in {certificate.token_id for certificate in new}:
        planning.review_later(token_id)
    return [_decided_event(certificate, reason=reason, actor=actor) for certificate in new]


def _decided_event(certificate: Certificate, *, reason: RevocationReason, actor: Person | None) -> AuditEvent:
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
    """Confirm the revocation of a certificate at its CA by hand, by an officer.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        certificate = locking.certificate(certificate_id)
        administers = eligibility.administers(actor, certificate.token.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(
            eligibility.YOUR_OWN_TOKEN if actor.pk == certificate.token.person_id else None,
            kind=NotAllowed,
        )
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


def revoke_at_ca(*, certificate_id: uuid.UUID) -> None:
    """Send a decided revocation to the CA, or leave it due. Does nothing if it is not due.

    Other waiting ones are sent with it (group_commit.py). A certificate that has expired meanwhile expires
    without a call. An error is stored on the certificates, which are retried later.
    """
    claimed = group_commit.claim(certificate_id)
    if claimed is not None:
        with retry_later_on_error(claimed.retry_later):
            _settle_group(claimed.claim_id, group_commit.ask(claimed.rows))


def expire(certificate: Certificate) -> None:
    """Expire a locked certificate and clear its due work."""
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
    """Expire a locked token if it has no living certificate; return whether it did."""
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
    """Settle the outcomes in one transaction (group commit); after an error, one by one."""
    for_all_or_each(outcomes, lambda keys: _settle(claim_id, {key: outcomes[key] for key in keys}))


def _settle(claim_id: uuid.UUID, outcomes: Mapping[uuid.UUID, Outcome]) -> int:
    """Settle those whose claim still holds; return how many."""
    with transaction.atomic():
        rows = [row for row in locking.certificates(outcomes) if row.claim_id == claim_id]
        now = timezone.now()
        events = [event for row in rows for event in _apply(row, outcomes[row.pk], now=now)]
        save_many(rows)
        if events:
            audit.append(events)
    return len(rows)


def _apply(certificate: Certificate, outcome: Outcome, *, now: datetime) -> list[AuditEvent]:
    """Apply an outcome to a locked row, unsaved; return the audit events."""
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
        certificate.require_manual_revocation(now=now, error=_words(outcome))
        return (
            [_by_hand_event(audit.Event.REVOCATION_LEFT_TO_HANDS, certificate, actor=None)] if is_new else []
        )
    certificate.settle_later(_words(outcome), now=now)
    return []


def _is_superseded(certificate: Certificate) -> bool:
    """Whether it ended with its renewed token: it expires by its own date if the CA has no revocation.

    One that an officer or its person has revoked as superseded later is left to be revoked by hand.
    """
    superseded = certificate.revocation_reason == RevocationReason.SUPERSEDED
    at_the_end = certificate.revocation_decided_at == certificate.token.ended_at
    return superseded and at_the_end and certificate.token.state == TokenState.REPLACED


def _is_refused_for_good(outcome: RevocationOutcome | CaError) -> bool:
    return isinstance(outcome, CaError) and outcome.permanent


def _words(outcome: RevocationOutcome | CaError) -> str:
    """The error stored on the row; empty for a CA without revocation, which is no error."""
    if isinstance(outcome, CaError):
        return outcome.words
    return "" if outcome is RevocationOutcome.UNSUPPORTED else outcome.value
