"""The company of tests/tools/cast.py, which most tests begin with, and a token of one of its persons."""

import copy

import pytest

from identity_manager.models import SoftwareToken
from tests.tools.cast import Company


@pytest.fixture
def company(standing_company: Company, db: None) -> Company:
    """As it was built. A module with tests that commit has a fixture of its own."""
    return copy.deepcopy(standing_company)


@pytest.fixture
def token(company: Company) -> SoftwareToken:
    """An active token of uma's."""
    return company.request_in("completed").tokens.get()
