"""Preview of a renewal for the person: changed data, terms to accept again, approvers."""

from collections.abc import Sequence
from dataclasses import dataclass

from identity_manager.models import Person, RequestOrigin, TermsText
from identity_manager.workflow.policy.eligibility import TypeChoice
from identity_manager.workflow.renewal import policy
from identity_manager.workflow.requests import opening
from identity_manager.workflow.snapshot import Difference


@dataclass(frozen=True)
class Preview:
    """The preview. texts: accepted terms that remain valid; empty if the person has to accept again."""

    changes: Sequence[Difference]
    texts: Sequence[TermsText]
    approvals: int


def of(person: Person, choice: TypeChoice) -> Preview:
    """The preview of the renewal that the person would ask for."""
    asking = opening.Origin(person, person, RequestOrigin.SELF_SERVICE)
    request = opening.draft(asking, [choice])
    line = request.prepared_lines[0]
    texts = [] if request.approvals_needed else policy.terms_that_stand([line])
    return Preview(policy.changes(line), texts, request.approvals_needed)
