"""The company that each test starts with."""

import copy

import pytest

from tests.tools.cast import Company


@pytest.fixture
def company(standing_company: Company, db: None) -> Company:
    """As it was built."""
    return copy.deepcopy(standing_company)
