"""Bulk enable: enables a chunk of persons of a batch order in few statements, with the code of step 1.

The rows are prepared before the transaction, because preparation takes longer than writing and locks block
others. Inside it, with the persons locked, all inputs of the decision are read again; after a change the
chunk is prepared anew.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    BatchLine,
    BatchOrder,
    LineOutcome,
    Person,
    RequestOrigin,
    TokenRequest,
    TokenType,
)
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow import snapshot
from identity_manager.workflow.batch import askers, line_outcomes
from identity_manager.workflow.policy import co_requesters, evaluation
from identity_manager.workflow.policy.evaluation import Eligibility, EligibilityContext
from identity_manager.workflow.requests import opening

CO_REQUESTER_MADE_A_CODE = Reason(
    "co-requester-made-a-code",
    _(
        "An officer of the standing order, or who put the person into its group, made a sign-in code for"
        " the person. Somebody else asks for their software tokens."
    ),
)
LEFT_STANDING_ORDER = Reason(
    "left-standing-order", _("This person is no longer a member of what the standing order follows.")
)


@dataclass(frozen=True)
class CatalogueSnapshot:
    """Active token types and the common part of their request snapshots, reused between chunks.

    catalogue_versions is read first, so that a later change is noticed when the chunk is written.
    """

    in_force: Any
    types: list[TokenType]
    frames: dict[uuid.UUID, snapshot.Frame] = field(default_factory=dict)


def catalogue_snapshot(kept: CatalogueSnapshot | None) -> CatalogueSnapshot:
    """The given one if the same versions are active; else a new one."""
    in_force = evaluation.catalogue_versions()
    if kept is not None and kept.in_force == in_force:
        return kept
    return CatalogueSnapshot(in_force, offered_types())


@dataclass(frozen=True)
class ChunkPlan:
    """Rows to be written for some lines: opened requests, lines with their outcome.

    said: the inputs of the decision, as plain values.
    """

    opened: list[opening.PreparedRequest]
    lines: list[BatchLine]
    said: Any


def prepare_chunk(
    order: BatchOrder,
    lines: Sequence[BatchLine],
    *,
    asker: Person,
    offer: CatalogueSnapshot,
    persons: Collection[Person] = (),
) -> ChunkPlan:
    """Decide on ready lines; writes nothing. persons: those that the caller has locked."""
    people = persons or persons_of(lines)
    read = evaluation.read_context(actor=asker, persons=people, offered=offer.types)
    caused = co_requesters.of_batch(order, [person.pk for person in people])
    work = ChunkPlan([], [], (offer.in_force, read.inputs_of(people), caused))
    by_id = {person.pk: person for person in people}
    verdicts = {}
    for line in lines:
        person = by_id[line.person_id]  # type: ignore[index]  # a line that is ready has a person
        verdicts[line.pk] = _promised(line, _Case(order, read, person, caused))
    choices = [choice for _case, verdict in verdicts.values() for choice in verdict.choices]
    known = opening.BatchContext(
        frames=offer.frames, predecessors=opening.predecessors_of(choices), of_batch=True
    )
    for line in lines:
        _decide(work, line, *verdicts[line.pk], known=known)
    return work


def write_chunk(order: BatchOrder, work: ChunkPlan) -> int:
    """Write the plan in the caller's transaction, with the shard locked.

    Returns the number of enabled persons.

    Lines that are not ready any more are left as they are.
    """
    persons = locking.persons([line.person_id for line in work.lines if line.person_id])
    asker = askers.asker_of(order)
    said = (
        evaluation.catalogue_versions(),
        evaluation.inputs_of(actor=asker, persons=persons),
        co_requesters.of_batch(order, [person.pk for person in persons]),
    )
    if said != work.said:
        fresh = BatchLine.objects.ready(order.pk).filter(pk__in=[line.pk for line in work.lines])
        work = prepare_chunk(order, list(fresh), asker=asker, offer=catalogue_snapshot(None), persons=persons)
    opening.write_requests(work.opened, by_sweep=True)
    line_outcomes.write(work.lines)
    return len(work.opened)


def check_lines(
    order: BatchOrder, persons: Sequence[Person]
) -> list[tuple[Eligibility, list[dict[str, Any]]]]:
    """Dry run: eligibility of each person, with reasons."""
    read = evaluation.read_context(actor=askers.asker_of(order), persons=persons)
    caused = co_requesters.of_batch(order, [person.pk for person in persons])
    cases = [_Case(order, read, person, caused) for person in persons]
    wanted = list(order.types.all())
    verdicts = [(case, case.verdict(wanted)) for case in cases]
    return [(verdict, case.words(wanted) if verdict.reasons else []) for case, verdict in verdicts]


def persons_of(lines: Iterable[BatchLine]) -> list[Person]:
    """The persons of the lines, in lock order."""
    return list(Person.objects.filter(pk__in=[line.person_id for line in lines]).order_by("pk"))


@dataclass(frozen=True)
class _Case:
    """One person of an order, with the inputs of the decision."""

    order: BatchOrder
    read: EligibilityContext
    person: Person
    caused: co_requesters.CoRequesters

    def verdict(self, wanted: Collection[TokenType]) -> Eligibility:
        if self.person.pk in self.caused.coded:
            return Eligibility([], [("", CO_REQUESTER_MADE_A_CODE)])
        if self.person.pk in self.caused.left:
            return Eligibility([], [("", LEFT_STANDING_ORDER)])
        return self.read.verdict(self.person, wanted, partial=self.order.accept_partial)

    def words(self, wanted: Collection[TokenType]) -> list[dict[str, Any]]:
        return line_outcomes.in_each_language(lambda: self.verdict(wanted).reasons)


def _promised(line: BatchLine, case: _Case) -> tuple[_Case, Eligibility]:
    """At most what the dry run promised, even if the person could have more by now."""
    return case, case.verdict(_wanted(line, case))


def _wanted(line: BatchLine, case: _Case) -> list[TokenType]:
    return [each for each in case.order.types.all() if each.code in line.types]


def _decide(
    work: ChunkPlan, line: BatchLine, case: _Case, verdict: Eligibility, *, known: opening.BatchContext
) -> None:
    request = None
    if verdict.choices:
        asking = opening.Origin(
            case.read.actor,
            case.person,
            RequestOrigin.ADMINISTRATOR,
            case.order.purpose,
            case.caused.of(case.person),
        )
        prepared = opening.prepare_request(asking, verdict.choices, known)
        work.opened.append(prepared)
        request = prepared.request
    words = case.words(_wanted(line, case)) if verdict.reasons else []
    work.lines.append(_settled(line, verdict, request, words))


def _settled(
    line: BatchLine, verdict: Eligibility, request: TokenRequest | None, words: list[dict[str, Any]]
) -> BatchLine:
    line.outcome = LineOutcome.ENABLED if request is not None else LineOutcome.SKIPPED
    line.request = request
    line.types = [token_type.code for token_type in verdict.types]
    line.reasons = [*line.reasons, *words]
    line.settled_at = timezone.now()
    return line
