"""The present round of a request: its lines, its decisions, and who is asked."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

from identity_manager.models.requests.approval import progress
from identity_manager.models.requests.states import RequestState
from identity_manager.models.requests.token_states import ENDED_UNUSED, TokenState

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from identity_manager.models.requests.approval import Approval, AskedApprover
    from identity_manager.models.requests.postponement import Postponement
    from identity_manager.models.requests.software_token import SoftwareToken


class Rounds(models.Model):
    """prepared_lines: of a request that is being opened, while neither is in the database.

    The rules in SQL are AskedApproverQuerySet.unanswered and TokenRequestQuerySet.postponed_by.
    """

    state: Any
    round: int
    approvals_needed: int
    prepared_lines: "Sequence[SoftwareToken]" = ()
    tokens: "RelatedManager[SoftwareToken]"
    approvals: "RelatedManager[Approval]"
    asked_approvers: "RelatedManager[AskedApprover]"
    postponements: "RelatedManager[Postponement]"

    class Meta:
        abstract = True

    def has_line(self, token: "SoftwareToken") -> bool:
        """Whether this token is one of the request's present lines."""
        return token.round == self.round and token.taken_out_by_id is None

    @property
    def lines(self) -> list["SoftwareToken"]:
        """The present lines of the request: neither removed nor of an earlier round.

        Lists prefetch them as `listed_tokens`: a related manager per row costs more than the rows.
        """
        known = self.prepared_lines or getattr(self, "listed_tokens", None)
        return [token for token in known or self.tokens.all() if self.has_line(token)]

    @property
    def decisions(self) -> list["Approval"]:
        """The approvers' decisions in this round, oldest first."""
        return [approval for approval in self.approvals.all() if approval.round == self.round]

    @property
    def approval_progress(self) -> str:
        """How many of several approvals are given: "1 of 2 approved, by Paul Weber"; else empty."""
        return progress(self.approvals_needed, self.decisions) if self.approvals_needed > 1 else ""

    @property
    def waits_for(self) -> list["AskedApprover"]:
        """Approvers who were asked in this round and have not decided, in the order of asking."""
        decided = {approval.approver_id for approval in self.decisions}
        asked = [row for row in self.asked_approvers.all() if row.round == self.round]
        return [row for row in asked if row.approver_id not in decided]

    def postponers(self, now: datetime) -> set[uuid.UUID]:
        """Approvers who have postponed it beyond now: not reminded; others are asked in time."""
        rows = self.postponements.all()
        return {row.approver_id for row in rows if row.round == self.round and row.until > now}

    @property
    def came_to_nothing(self) -> bool:
        """Whether it completed without a token that was used: each lapsed or was cancelled.

        Counts earlier rounds; ignores what approvers removed. In SQL: queries.request_progress.
        """
        return self.state == RequestState.COMPLETED and self._states <= set(ENDED_UNUSED)

    @property
    def lapsed_unused(self) -> bool:
        """The same, where a token lapsed."""
        return self.came_to_nothing and TokenState.LAPSED in self._states

    @property
    def _states(self) -> set[str]:
        return {token.state for token in self.tokens.all() if token.taken_out_by_id is None}

    @property
    def removed_tokens(self) -> list["SoftwareToken"]:
        """The tokens that approvers have removed from it in this round."""
        removed = [token for token in self.tokens.all() if token.taken_out_by_id is not None]
        return [token for token in removed if token.round == self.round]
