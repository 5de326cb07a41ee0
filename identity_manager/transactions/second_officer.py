"""Refuses a second officer's decision: by who does not decide on it, and where it does not wait any more."""

from collections.abc import Mapping

from identity_manager.models import Person
from identity_manager.models.people.vouching import Exclusion
from identity_manager.models.second_officer import SecondOfficerDecision
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse

Reasons = Mapping[Exclusion, Reason]


def obstacle(actor: Person, row: SecondOfficerDecision, reasons: Reasons) -> Reason | None:
    """Why this actor does not decide on the row, or None. reasons: the sentence for each exclusion."""
    exclusion = row.deciding_exclusion(actor)
    return None if exclusion is None else reasons[exclusion]


def require(actor: Person, row: SecondOfficerDecision, *, reasons: Reasons, not_waiting: Reason) -> None:
    """Refuse unless the actor may decide on the locked row, and it waits. Raises NotAllowed or Stale.

    Of what does not wait any more only strangers to it hear that they may not: who has just confirmed an
    identity has vouched from then on, and their second click is stale.
    """
    exclusion, waits = row.deciding_exclusion(actor), row.waits()
    if exclusion is not None and (waits or exclusion in (Exclusion.OFFICE, Exclusion.OWN)):
        raise NotAllowed(reasons[exclusion])
    refuse(None if waits else not_waiting, kind=Stale)
