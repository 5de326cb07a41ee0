"""Officers, and what they read in OPEN TASKS."""

from typing import Any

from identity_manager.models import Person, Role, RoleAssignment
from tests.tools import cast


def officer(name: str, role: Role, *, unit: str = "", **fields: str) -> Person:
    """An officer of one role, everywhere or for one organisational unit."""
    person = cast.person(name, roles=(), **fields)
    RoleAssignment.objects.create(person=person, role=role, organisational_unit=unit)
    return person


def tasks(response: Any, name: str) -> list[Any]:
    """The rows of that section of OPEN TASKS."""
    return [
        row for section in response.context["sections"] if section.source.name == name for row in section.rows
    ]
