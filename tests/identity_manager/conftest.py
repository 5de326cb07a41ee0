"""The company of tests/tools/cast.py, which most tests begin with."""

import copy

import pytest

from tests.tools.cast import Company


@pytest.fixture
def company(standing_company: Company, db: None) -> Company:
    """As it was built. A module with tests that commit has a fixture of its own."""
    return copy.deepcopy(standing_company)
