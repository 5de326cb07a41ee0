"""The company that each test starts with, and its System Administrators."""

import pytest

from identity_manager.models import Person, Role
from tests.tools import cast
from tests.tools.cast import Company


@pytest.fixture
def sven(company: Company) -> Person:
    return cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR, Role.TOKEN_ADMINISTRATOR))


@pytest.fixture
def sara(company: Company) -> Person:
    return cast.person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,))
