"""Approvals on the request page: decisions, asked approvers, earlier rounds.

Uses the page's prefetched relations; one query for who may decide, and one for whether approvals still count.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from identity_manager.models import (
    Approval,
    ApprovalRule,
    AskedApprover,
    RequestState,
    TokenRequest,
)
from identity_manager.models.requests.approval import progress
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.requests import approver_escalation


@dataclass(frozen=True)
class Round:
    """An earlier round and its decisions."""

    number: int
    decisions: Sequence[Approval]


@dataclass(frozen=True)
class ApprovalCard:
    """still: number of missing approvals. waits_for: asked approvers who have not decided.

    deciders: who could still decide; possible: whether they are enough. rules: who has to be among them.
    """

    needed: int
    still: int
    decisions: Sequence[Approval]
    waits_for: Sequence[AskedApprover]
    deciders: frozenset[uuid.UUID]
    possible: bool
    rules: Sequence[ApprovalRule]
    earlier: Sequence[Round]

    @property
    def progress(self) -> str:
        """How many of several approvals are given, and by whom."""
        return progress(self.needed, self.decisions)

    @property
    def obstacle(self) -> Reason | None:
        """Why nobody can decide on the request, or None."""
        return None if self.possible else approvers.TOO_FEW_APPROVERS

    @property
    def is_shown(self) -> bool:
        return bool(self.needed or self.earlier)


def of_request(row: TokenRequest) -> ApprovalCard:
    """The card of a request whose approvals and asked approvers are prefetched."""
    decisions = row.decisions
    still = _still_needed(row)
    undecided = list(approvers.undecided_approvers(row).prefetch_related("roles")) if still else []
    return ApprovalCard(
        needed=row.approvals_needed,
        still=still,
        decisions=decisions,
        waits_for=row.waits_for if still else [],
        deciders=frozenset(each.pk for each in undecided),
        possible=not still or approvers.enough(row, undecided, still=still),
        rules=approvers.rules_now(row).rows,
        earlier=_earlier(row),
    )


def _still_needed(row: TokenRequest) -> int:
    """Without a query where there are no approvals."""
    if row.state != RequestState.REQUESTED:
        return 0
    narrowed = row.has_approval_rules or row.decisions
    return approver_escalation.still_needed(row) if narrowed else row.approvals_needed


def _earlier(row: TokenRequest) -> list[Round]:
    """Earlier rounds, latest first."""
    rounds: dict[int, list[Approval]] = {number: [] for number in range(row.round - 1, 0, -1)}
    for approval in row.approvals.all():
        if approval.round != row.round:
            rounds[approval.round].append(approval)
    return [Round(number, decisions) for number, decisions in rounds.items()]
