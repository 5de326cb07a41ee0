"""Resubmission of a request whose person has changed: a new round of the same types with present data.

Unfinished results of the earlier round end: keys are erased, orders at a CA are settled and revoked when
answered, certificates are revoked. Its lines, approvals and acceptances stay, under the round's number. Lines
that were delivered stay with the person, and ended ones are not requested again.
"""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from ca_bridge.errors import CaError
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import request_messages
from identity_manager.models import EndReason, Person, SoftwareToken, TokenRequest
from identity_manager.models.requests.token_states import TO_BE_ISSUED
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require
from identity_manager.workflow import snapshot
from identity_manager.workflow.policy import approval_rules, approvers, eligibility, permitted_actions
from identity_manager.workflow.renewal import policy as renewal_policy
from identity_manager.workflow.requests import cancellation, opening

NOT_STOPPED = Reason(
    "not-stopped", _("This request is not stopped by a change of the person, or went on meanwhile.")
)
CHANGED_AGAIN = Reason("changed-again", _("The person's data have changed again since you opened the page."))


def resubmit(*, actor: Person, request_id: uuid.UUID, changes_hash: str) -> TokenRequest:
    """Begin a new round with the person's present data: new snapshot, approvals by policy, acceptance.

    changes_hash: of the differences that the officer saw (snapshot.fingerprint). The officer counts as a
    requester, so they do not approve it. Raises NotAllowed; Stale (another state, or changed again);
    NotPossible (person not Active, or a field is missing that a certificate needs).
    """
    with transaction.atomic():
        request = locking.request(request_id)
        administers = eligibility.administers(actor, request.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(eligibility.code_obstacle(actor, request.person), kind=NotAllowed)
        require(permitted_actions.can_be_resubmitted(request), else_=NOT_STOPPED, kind=Stale)
        refuse(eligibility.person_obstacle(request.person))
        lines = [token for token in locking.lines_of(request) if token.state in TO_BE_ISSUED]
        changed = snapshot.differences(lines)
        require(changed, else_=NOT_STOPPED, kind=Stale)
        refuse(CHANGED_AGAIN if changes_hash != snapshot.fingerprint(changed) else None, kind=Stale)
        snapshots = _snapshots(request.person, lines)

        for token in lines:
            _end_line(token, actor=actor)
        request.begin_round(by=actor, now=timezone.now())
        _ask_anew(request, lines, snapshots)
        audit.record(
            audit.Event.REQUEST_SENT_ROUND,
            actor=actor,
            subject=request,
            round=request.round,
            fields=[difference.field for difference in changed],
            approvals_needed=request.approvals_needed,
            snapshot=request.snapshot_hash,
        )
        opening.set_off(request, actor=actor)
        return request


def _snapshots(person: Person, lines: Sequence[SoftwareToken]) -> list[snapshot.Snapshot]:
    """New snapshots of the lines, with present data, under the requested version of each type."""
    try:
        return [
            snapshot.snapshot_of(person, token.required_type, purpose=token.snapshot.get("purpose", ""))
            for token in lines
        ]
    except CaError as error:
        raise NotPossible(Reason("certificate-not-possible", error.message)) from error


def _end_line(token: SoftwareToken, *, actor: Person) -> None:
    token.cancel(reason=EndReason.NEW_ROUND, now=timezone.now())
    token.save()
    cancellation.end_certificates(
        token, actor=actor, reason=EndReason.NEW_ROUND, revocation=RevocationReason.SUPERSEDED
    )


def _ask_anew(
    request: TokenRequest, lines: Sequence[SoftwareToken], snapshots: Sequence[snapshot.Snapshot]
) -> None:
    renewed = [
        opening.line_in_place_of(token, request=request, line=line)
        for token, line in zip(lines, snapshots, strict=True)
    ]
    request.snapshot_hash = snapshot.digest(snapshots)
    types = renewal_policy.types_to_approve(renewed)
    request.approvals_needed = approvers.approvals_needed_now(request, types)
    request.has_approval_rules = False  # the rules so far stay with the earlier round
    approval_rules.replace(request, approvers.rules_of(request, types))
    request.save()
    for token in renewed:
        token.save(force_insert=True)
    if request.approvals_needed:
        outbox.enqueue(request_messages.sent_round_again(request))
