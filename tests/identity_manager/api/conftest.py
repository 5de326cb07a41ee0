"""The company of tests/cast.py."""

import copy

import pytest

from tests import cast


@pytest.fixture
def company(standing_company: cast.Company, db: None) -> cast.Company:
    """As it was built. A module with tests that commit has a fixture of its own."""
    return copy.deepcopy(standing_company)
