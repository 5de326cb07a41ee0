"""The company that each test starts with, and its System Administrators."""

import copy

import pytest

from identity_manager.models import Person, Role
from tests.tools import cast
from tests.tools.cast import Company


@pytest.fixture
def company(standing_company: Company, db: None) -> Company:
    """As it was built."""
    return copy.deepcopy(standing_company)


@pytest.fixture
def sven(company: Company) -> Person:
    return cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR, Role.TOKEN_ADMINISTRATOR))


@pytest.fixture
def sara(company: Company) -> Person:
    return cast.person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,))
