"""System Administrators, and imports of configuration files."""

from typing import Any

import pytest

from identity_manager.configuration import importing
from identity_manager.configuration.importing import Comparison
from identity_manager.models import Person, Role
from tests.tools import cast
from tests.tools.cast import Company


@pytest.fixture
def sven(company: Company) -> Person:
    return cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR, Role.TOKEN_ADMINISTRATOR))


@pytest.fixture
def sara(company: Company) -> Person:
    return cast.person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,))


def imported(actor: Person, text: str, **more: Any) -> Comparison:
    """Import what a comparison of now shows."""
    seen = importing.compare(actor=actor, text=text, **more).seen
    return importing.import_file(actor=actor, text=text, seen=seen, **more)


def effects(found: Comparison) -> dict[str, str]:
    """What becomes of each entry, by kind and code."""
    return {f"{row.kind.name} {row.code}": row.effect.value for row in found.rows}
