"""Who decides on many new requests: what is the same for a unit is read once."""

import uuid
from collections.abc import Collection

from identity_manager.models import Person, Role, TokenRequest
from identity_manager.people import vouching_policy
from identity_manager.workflow.policy import approvers


class Deciders:
    """Who decides on new requests, and who is told where nobody can: read once for each unit, then known."""

    def __init__(self) -> None:
        self._approvers: dict[str, list[Person]] = {}
        self._administrators: dict[str, list[Person]] = {}
        self._some_vouched: dict[str, bool] = {}

    def levels(self, request: TokenRequest) -> list[list[Person]]:
        """As approvers.approver_levels, of a request on which nobody has decided yet."""
        excluded = {request.person_id, request.requested_by_id, *self._vouched(request.person)}
        others = [each for each in self._of(request.person) if each.pk not in excluded]
        return approvers.levels_among(request, others)

    def administrators(self, person: Person) -> list[Person]:
        """As approvers.administrators."""
        unit = person.organisational_unit
        if unit not in self._administrators:
            self._administrators[unit] = list(approvers.administrators(person))
        return self._administrators[unit]

    def _of(self, person: Person) -> list[Person]:
        unit = person.organisational_unit
        if unit not in self._approvers:
            holding = Person.objects.holding(Role.APPROVER, unit=unit).prefetch_related("roles")
            self._approvers[unit] = list(holding.order_by("display_name", "pk"))
        return self._approvers[unit]

    def _vouched(self, person: Person) -> Collection[uuid.UUID]:
        """Looked up only where an approver of the unit vouched for anybody, as none does by default."""
        unit = person.organisational_unit
        if unit not in self._some_vouched:
            self._some_vouched[unit] = vouching_policy.have_vouched(self._of(person))
        return vouching_policy.officers_of(person) if self._some_vouched[unit] else ()
