"""The company of tests/cast.py."""

import pytest

from tests import cast


@pytest.fixture
def company(db: None) -> cast.Company:
    return cast.Company()
