"""DIVIDED=1: the tests run on a PostgreSQL database whose audit events and mails are divided by month.

    DIVIDED=1 python -m tests.tools.postgres_server pytest tests/identity_manager/audit

It is divided once, when it is made. `make nightly` runs the tests of audit and mail so (docs/decisions 58).
"""

import os
from typing import Any

import pytest
from django.db import connection

from tests.tools import months

IS_WANTED = os.environ.get("DIVIDED") == "1"


def pytest_configure() -> None:
    if IS_WANTED and connection.vendor != "postgresql":
        raise pytest.UsageError("DIVIDED=1 needs PostgreSQL; see tests/tools/postgres_server.py.")


@pytest.fixture
def undivided_only() -> None:
    """For what divides the tables itself; the test is not collected where they are."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> object:
    """After pytest-django has had the database made."""
    made = yield
    if IS_WANTED and fixturedef.argname == "django_db_setup":
        with request.getfixturevalue("django_db_blocker").unblock():
            months.divide()
    return made


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    other = [item for item in items if IS_WANTED and "undivided_only" in getattr(item, "fixturenames", ())]
    if other:
        config.hook.pytest_deselected(items=other)
        gone = set(other)
        items[:] = [item for item in items if item not in gone]
