"""The company of tests/tools/cast.py, and browsers of its officers."""

import pytest
from django.core.cache import caches
from django.test import Client

from identity_manager.console.lists import remembered_counts
from identity_manager.models import Person, Role
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in


@pytest.fixture
def ada(company: cast.Company) -> Client:
    """The administrator's browser."""
    return signed_in(company.ada)


@pytest.fixture
def paul(company: cast.Company) -> Client:
    """An approver's browser."""
    return signed_in(company.paul)


@pytest.fixture
def sven_person(company: cast.Company) -> Person:
    return officer("sven", Role.SYSTEM_ADMINISTRATOR)


@pytest.fixture
def sven(sven_person: Person) -> Client:
    """A System Administrator's browser."""
    return signed_in(sven_person)


@pytest.fixture
def sara(company: cast.Company) -> Client:
    """Another System Administrator's browser."""
    return signed_in(officer("sara", Role.SYSTEM_ADMINISTRATOR))


@pytest.fixture
def otto(company: cast.Company) -> Client:
    """An auditor's browser."""
    return signed_in(officer("otto", Role.AUDITOR))


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    """Persons of the cast have the same keys in each test, and START remembers what it has counted."""
    caches[remembered_counts.CACHE].clear()
