"""The company of tests/tools/cast.py."""

import copy

import pytest

from tests.tools import cast


@pytest.fixture
def company(standing_company: cast.Company, db: None) -> cast.Company:
    """As it was built. A module with tests that commit has a fixture of its own."""
    return copy.deepcopy(standing_company)
