"""Separation of duties: who holds roles that check each other."""

from collections.abc import Iterator

from identity_manager.management.doctor.check_result import CheckResult, ok, warning
from identity_manager.people.officers import roles

REMEDY = "ADMIN, Officers: withdraw one of the two. Until then each act asks who vouched for the person."


def conflicting_roles() -> Iterator[CheckResult]:
    """Holders of conflicting roles: assigned before the rule, or under ALLOW_CONFLICTING_ROLES."""
    found = roles.in_conflict()
    for person, pairs in found.items():
        held = "; ".join(f"{one.role} with {other.role}" for one, other in pairs)
        yield warning(f"{person.personnel_number} holds roles that check each other: {held}.", REMEDY)
    if not found:
        yield ok("Nobody holds roles that check each other.")
