"""Verbs on findings of CA comparisons: an officer adopts a certificate, has it revoked, or leaves it.

adopt: its key is that of a parked order; the person gets the certificate.
revoke: at the CA, by a job; if the CA has no interface for it, an officer revokes there and confirms it here.
leave: it belongs to another system that uses the same CA; with a reason.
No four eyes, as for the revocation of a token.
"""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge import issuing
from ca_bridge.contract import Issued, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.orders import listing
from identity_manager import audit, queue, task_names
from identity_manager.models import CaFinding, Certificate, FindingKind, FindingState, Person
from identity_manager.transactions import locking, time_limit
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.issuance import surplus
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke as revocation

AT_ONCE = 50
NOT_ITS_ADMINISTRATOR = Reason(
    "not-finding-administrator",
    _("Only a Software Token Administrator can do this, without a limit where nobody knows whose it is."),
)
NOT_OPEN = Reason("finding-not-open", _("Nobody need decide about this certificate any more."))
NOT_ADOPTABLE = Reason(
    "finding-not-adoptable",
    _("Its key is not that of an order that waits for an officer, so nobody here could use it."),
)
NOT_AS_ORDERED = Reason("finding-not-as-ordered", _("It does not say what was ordered."))


def administers(*, actor: Person, finding: CaFinding) -> bool:
    """Whether the actor may decide on the finding: by its person's unit; without a person, for all units."""
    certificate = finding.token_certificate
    if certificate is not None:
        return eligibility.administers(actor, certificate.token.person)
    return eligibility.administers_everywhere(actor)


def obstacle(finding: CaFinding) -> Reason | None:
    """Why the CA finding allows no decision, or None."""
    return None if finding.awaits_decision(timezone.now()) else NOT_OPEN


def adopting_obstacle(finding: CaFinding) -> Reason | None:
    """Why the certificate of the CA finding cannot be adopted, or None."""
    order, certificate = finding.order, finding.token_certificate
    if finding.kind != FindingKind.UNKNOWN or order is None or certificate is None:
        return NOT_ADOPTABLE
    is_wanted = Certificate.objects.to_be_issued().filter(pk=certificate.pk, order=order)
    return None if order.is_parked and is_wanted.exists() else NOT_ADOPTABLE


def revoking_obstacle(finding: CaFinding) -> Reason | None:
    """Why the certificate of the CA finding cannot be revoked, or None."""
    if finding.kind != FindingKind.MISSING or finding.token_certificate is None:
        return None
    return revocation.obstacle(finding.token_certificate.token)


def by_hand_obstacle(finding: CaFinding) -> Reason | None:
    """Why the CA finding needs no revocation by hand, or None."""
    return None if finding.is_by_hand(timezone.now()) else NOT_OPEN


def adopt(*, actor: Person, finding_id: uuid.UUID) -> CaFinding:
    """Adopt a found certificate as the answer to its parked order. Raises NotAllowed or Stale."""
    examined = _examined(CaFinding.objects.select_related("order").get(pk=finding_id))
    with transaction.atomic():
        finding = _locked(actor, finding_id)
        refuse(obstacle(finding) or adopting_obstacle(finding), kind=Stale)
        certificate = finding.token_certificate
        if certificate is None or examined is None or examined.facts is None:
            raise Stale(NOT_AS_ORDERED)

        issuing.record(examined.order_id, examined.came, examined=examined, on_surplus=surplus.record_found)
        certificate.work_is_due(timezone.now())
        certificate.save()
        queue.after_commit(task_names.ISSUE, certificate.pk)
        _decide(finding, FindingState.ADOPTED, actor=actor)
        _record(audit.Event.FOUND_ADOPTED, finding, actor=actor)
        return finding


def _examined(finding: CaFinding) -> issuing.Examined | None:
    """Verify the certificate against its order (with lint), outside any transaction."""
    if finding.order is None or not finding.certificate:
        return None
    return issuing.examine(finding.order.pk, Issued(finding.certificate, ()))


def revoke(*, actor: Person, finding_id: uuid.UUID) -> CaFinding:
    """Decide to revoke a finding: the job revokes it at the CA; of a missing one the token is revoked.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        finding = _locked(actor, finding_id)
        refuse(obstacle(finding) or revoking_obstacle(finding), kind=Stale)

        state = FindingState.REVOKING
        if finding.kind == FindingKind.MISSING and finding.token_certificate is not None:
            token = finding.token_certificate.token
            revocation.end_token(token, reason=RevocationReason.SUPERSEDED, actor=actor)
            state = FindingState.REVOKED
        _decide(finding, state, actor=actor)
        _record(audit.Event.FOUND_REVOCATION_DECIDED, finding, actor=actor)
        return finding


def leave(*, actor: Person, finding_id: uuid.UUID, reason: str) -> CaFinding:
    """Dismiss a finding with a reason, for good. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        finding = _locked(actor, finding_id)
        _refuse_own(actor, finding)
        refuse(obstacle(finding), kind=Stale)
        require(reason.strip(), else_=NO_REASON, field="reason")

        _decide(finding, FindingState.LEFT, actor=actor, reason=reason.strip())
        _record(audit.Event.FOUND_LEFT, finding, actor=actor, reason=reason.strip())
        return finding


def done_by_hand(*, actor: Person, finding_id: uuid.UUID) -> CaFinding:
    """Confirm that an officer has revoked it at the CA by hand. Raises NotAllowed or Stale."""
    with transaction.atomic():
        finding = _locked(actor, finding_id)
        _refuse_own(actor, finding)
        refuse(by_hand_obstacle(finding), kind=Stale)

        _decide(finding, FindingState.REVOKED, actor=actor)
        _record(audit.Event.FOUND_REVOKED_BY_HAND, finding, actor=actor)
        return finding


def _refuse_own(actor: Person, finding: CaFinding) -> None:
    """Raises NotAllowed for who holds the token that it is about: somebody else says that it may stay."""
    certificate = finding.token_certificate
    own = certificate is not None and certificate.token.person_id == actor.pk
    refuse(eligibility.YOUR_OWN_TOKEN if own else None, kind=NotAllowed)


def _locked(actor: Person, finding_id: uuid.UUID) -> CaFinding:
    """Lock the finding after its person, request, token and certificate. Raises NotAllowed."""
    known = CaFinding.objects.values_list("token_certificate_id", flat=True).get(pk=finding_id)
    certificate = locking.certificate(known) if known else None
    finding = locking.ca_finding(finding_id)
    finding.token_certificate = certificate
    require(administers(actor=actor, finding=finding), else_=NOT_ITS_ADMINISTRATOR, kind=NotAllowed)
    return finding


def _decide(finding: CaFinding, state: FindingState, *, actor: Person, reason: str = "") -> None:
    finding.decide(state, actor=actor, now=timezone.now(), reason=reason)
    finding.save()


def carry_out_revocations() -> int:
    """Revoke the decided findings at their CAs, outside any transaction; return how many were revoked.

    Idempotent: a refusal or fault is tried again, and two workers may run it at once.
    """
    revoked = 0
    due = CaFinding.objects.to_be_revoked(timezone.now()).select_related("comparison")
    for finding in time_limit.within_time_limit(due[:AT_ONCE]):
        try:
            outcome: RevocationOutcome | CaError = issuing.revoke(
                ca=finding.alias, certificate=finding.certificate, reason=RevocationReason.SUPERSEDED
            )
        except CaError as error:
            outcome = error
        revoked += _settle(finding, outcome)
    return revoked


def _settle(seen: CaFinding, outcome: RevocationOutcome | CaError) -> bool:
    is_done = outcome in (RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED)
    with transaction.atomic():
        finding = locking.ca_finding(seen.pk)
        if finding.state != FindingState.REVOKING:
            return False
        if is_done:
            finding.close(FindingState.REVOKED, now=timezone.now())
            finding.save()
            _record(audit.Event.FOUND_REVOKED, finding, actor=None)
        else:
            _note_unrevoked(finding, outcome)
    if is_done:
        listing.let_go(seen.alias, seen.certificate)
    return is_done


def _note_unrevoked(finding: CaFinding, outcome: RevocationOutcome | CaError) -> None:
    """Store why the CA did not revoke; record once that revocation by hand is needed."""
    if isinstance(outcome, CaError):
        refused, said = outcome.permanent, outcome.words
    else:
        refused, said = outcome is RevocationOutcome.UNSUPPORTED, str(outcome.value)
    is_new = refused and finding.by_hand_since is None
    finding.note_unrevoked(said, now=timezone.now(), by_hand=refused)
    finding.save()
    if is_new:
        _record(audit.Event.FOUND_LEFT_TO_HANDS, finding, actor=None)


def _record(event: audit.Event, finding: CaFinding, *, actor: Person | None, **facts: str) -> None:
    certificate = finding.token_certificate
    audit.record(
        event,
        actor=actor,
        subject=certificate.token if certificate else None,
        serial=finding.serial,
        issuer=finding.issuer,
        ca=finding.alias,
        **facts,
    )
