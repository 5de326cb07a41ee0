"""A journey once more, on tables that are divided by month."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.test_mail_down import test_down_and_back  # noqa: F401 it is run here
from tests.tools import months

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.long,
    pytest.mark.database,
    pytest.mark.usefixtures("postgresql_only", "undivided_only", "_divided"),
    pytest.mark.long_on_postgresql,
]


@pytest.fixture(scope="module")
def _divided(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), months.divided_database():
        yield
