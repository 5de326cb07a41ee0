"""The company that each test of the verbs starts with."""

import pytest

from tests.cast import Company


@pytest.fixture
def company(db: None) -> Company:
    return Company()
