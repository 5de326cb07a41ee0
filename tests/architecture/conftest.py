"""The world of the table of addresses, for the tests that walk it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.architecture.standing import standing
from tests.architecture.url_world import World


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    """Of one module: two of them would meet in the database."""
    with standing(django_db_blocker, tmp_path_factory.mktemp("mailbox")) as world:
        yield world
