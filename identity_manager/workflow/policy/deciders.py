"""Cache of approvers and administrators per organisational unit, for many requests."""

import uuid
from collections.abc import Collection

from identity_manager.models import Person, Role, TokenRequest
from identity_manager.people.officers import deputy_policy, vouching_policy
from identity_manager.workflow.policy import approvers


class Deciders:
    """Approvers and administrators for new requests, read once per unit."""

    def __init__(self) -> None:
        self._approvers: dict[str, list[Person]] = {}
        self._administrators: dict[str, list[Person]] = {}
        self._some_vouched: dict[str, bool] = {}

    def levels(self, request: TokenRequest) -> list[list[Person]]:
        """As approvers.approver_levels, for an undecided request."""
        excluded = {request.person_id, *request.requester_ids, *self._vouched(request.person)}
        others = [
            each
            for each in self._of(request.person)
            if each.pk not in excluded and deputy_policy.principals_of(each).isdisjoint(excluded)
        ]
        if request.has_approval_rules:
            others = approvers.by_rules(request, others)
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
            self._approvers[unit] = list(holding.order_by("search_text__by_name", "pk"))
        return self._approvers[unit]

    def _vouched(self, person: Person) -> Collection[uuid.UUID]:
        """Queried only if an approver of the unit has vouched for anybody, which is rare."""
        unit = person.organisational_unit
        if unit not in self._some_vouched:
            self._some_vouched[unit] = vouching_policy.have_vouched(self._of(person))
        return vouching_policy.officers_of(person) if self._some_vouched[unit] else ()
