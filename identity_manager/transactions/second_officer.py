"""Four eyes: refuses a second officer's decision by the wrong actor, or on a row that was decided already."""

from collections.abc import Mapping

from identity_manager.models import Person
from identity_manager.models.people.vouching import Exclusion
from identity_manager.models.second_officer import SecondOfficerDecision
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale

Reasons = Mapping[Exclusion, Reason]


def obstacle(actor: Person, row: SecondOfficerDecision, reasons: Reasons) -> Reason | None:
    """Why this actor cannot decide on the row, or None. reasons: the sentence for each exclusion."""
    exclusion = row.deciding_exclusion(actor)
    return None if exclusion is None else reasons[exclusion]


def require(actor: Person, row: SecondOfficerDecision, *, reasons: Reasons, not_waiting: Reason) -> None:
    """Refuse unless the actor may decide on the locked row, and it waits. Raises NotAllowed or Stale.

    On a decided row only strangers get NotAllowed: whoever has just confirmed an identity has vouched for the
    person from then on, and their double click must get Stale.
    """
    exclusion, waits = row.deciding_exclusion(actor), row.waits()
    if exclusion is not None and (waits or exclusion in (Exclusion.OFFICE, Exclusion.OWN)):
        raise NotAllowed(reasons[exclusion])
    if not waits:
        raise Stale(not_waiting)
