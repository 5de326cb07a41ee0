"""Browsers of two System Administrators and of an Auditor."""

import pytest
from django.test import Client

from identity_manager.models import Person, Role
from tests.identity_manager.console.visitors import officer, signed_in
from tests.tools import cast


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
