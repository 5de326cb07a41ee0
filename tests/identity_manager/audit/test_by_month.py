"""Tests of verification and retention once more, on tables that are divided by month."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.identity_manager.audit.test_verifying import (  # noqa: F401 its tests are run here
    test_a_removed_event,
    test_a_removed_event_whose_gap_was_closed,
    test_several_removed_events_are_told_together,
)
from tests.identity_manager.jobs.test_retention import (  # noqa: F401 its tests are run here
    company,
    old_log,
    test_the_beginning_is_cut_at_a_signed_checkpoint,
)
from tests.tools import months

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.long,
    pytest.mark.database,
    pytest.mark.usefixtures("postgresql_only", "undivided_only", "_divided"),
]


@pytest.fixture(scope="module")
def _divided(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), months.divided_database():
        yield
