"""Carries out a chunk of lines of any kind, each by the verb of its single page, or all by one for several.

In one transaction, under the lease of the shard: the persons are locked in order, and what the asker has
confirmed is compared with what is there. A verb that refuses rolls its own savepoint back, and its reason
stands on the line.
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    BatchKind,
    BatchLine,
    BatchOrder,
    LineOutcome,
    Person,
    StandingMember,
    StandingOrder,
    TokenRequest,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason, Refused
from identity_manager.workflow.batch import askers, line_outcomes
from identity_manager.workflow.batch.kinds.kind import DryRunResult, GivenOrder, Subject

CHANGED = Reason(
    "changed-since-dry-run",
    _("It has changed since the dry run that was confirmed. Look at it, and give a new order where needed."),
)

MEMBER_AGAIN = Reason(
    "member-again", _("They have come back meanwhile: a standing order gives them the token type again.")
)
TAKING = frozenset({BatchKind.REVOKE, BatchKind.HOLD, BatchKind.CANCEL})


# Why it could not be done, or the request that it opened, or nothing.
Outcome = Reason | TokenRequest | None
Act = Callable[[GivenOrder, Sequence[Any]], Mapping[uuid.UUID, Outcome]]


def for_each_row(verb: Callable[[GivenOrder, Any], TokenRequest | None]) -> Act:
    """The verb of the single page, called for each row."""

    def act(given: GivenOrder, rows: Sequence[Any]) -> Mapping[uuid.UUID, Outcome]:
        return {row.pk: _outcome(given, row) for row in rows}

    def _outcome(given: GivenOrder, row: Any) -> Outcome:
        try:
            return verb(given, row)
        except Refused as refused:
            return refused.reason

    return act


def _by_state(row: Any) -> str:
    return str(row.state)


@dataclass(frozen=True)
class ByVerb:
    """obstacle: why it cannot be done to a row. act: does it to rows; what became of each. of_row: what of
    the row the asker confirms; a row of which it has changed is skipped. also_locked: whom the verb locks
    beside the person, so that all are locked in one order.
    """

    obstacle: Callable[[GivenOrder, Any], Reason | None]
    act: Act
    of_row: Callable[[Any], str] = _by_state
    also_locked: Callable[[], Collection[uuid.UUID]] = tuple

    def examine(self, given: GivenOrder, rows: Sequence[Any]) -> list[DryRunResult]:
        reasons = [self.obstacle(given, row) for row in rows]
        return [
            DryRunResult(reason is None, [] if reason is None else line_outcomes.one_reason(reason))
            for reason in reasons
        ]

    def acts(self, order: BatchOrder, subject: Subject) -> "ActsByVerb":
        return ActsByVerb(order, subject, self)

    def seen(self, row: Any) -> str:
        return self.of_row(row)


@dataclass(frozen=True)
class ActsByVerb:
    """Calls the verb for the lines of a chunk."""

    order: BatchOrder
    subject: Subject
    way: ByVerb

    def begin_chunk(self) -> None:
        """Do nothing: all that is read depends on the lines."""

    def plan_chunk(self, lines: Sequence[BatchLine], *, asker: Person) -> Sequence[BatchLine]:  # noqa: ARG002 read anew below
        return lines

    def write(self, prepared: Sequence[BatchLine]) -> None:
        keys = [self.subject.key(line) for line in prepared]
        rows = self.subject.rows()
        holders = {self.subject.holder(row).pk for row in rows.filter(pk__in=keys)}
        locking.persons({*holders, *self.way.also_locked()})
        given = GivenOrder(askers.asker_of(self.order), self.order)
        found = rows.in_bulk(keys)
        pairs = [(line, found[self.subject.key(line)]) for line in prepared]
        back = self._members_again(holders)
        kept = {row.pk for _line, row in pairs if self.subject.holder(row).pk in back}
        unchanged = [row for line, row in pairs if row.pk not in kept and self.way.seen(row) == line.seen]
        outcomes: dict[uuid.UUID, Outcome] = {row.pk: CHANGED for _line, row in pairs}
        outcomes |= dict.fromkeys(kept, MEMBER_AGAIN)
        outcomes |= self.way.act(given, unchanged)
        for line, row in pairs:
            _settle(line, outcomes[row.pk])
        line_outcomes.write(prepared)

    def _members_again(self, holders: Collection[uuid.UUID]) -> set[uuid.UUID]:
        """Those from whom a standing order takes what they have come back for since it placed this order."""
        if self.order.kind not in TAKING:
            return set()
        placed_by = StandingOrder.objects.filter(placements__batch=self.order).first()
        if placed_by is None:
            return set()
        rows = StandingMember.objects.covering(placed_by.type_code).filter(person__in=holders)
        return set(rows.values_list("person", flat=True))


def _settle(line: BatchLine, outcome: Outcome) -> None:
    reason = outcome if isinstance(outcome, Reason) else None
    line.outcome = LineOutcome.DONE if reason is None else LineOutcome.SKIPPED
    line.request = outcome if isinstance(outcome, TokenRequest) else None
    if reason is not None:
        line.reasons = [*line.reasons, *line_outcomes.one_reason(reason)]
    line.settled_at = timezone.now()
