"""Who is here: uma, and the Registration Officers rita and rolf."""

from dataclasses import dataclass

import pytest

from identity_manager.models import Account, Person, Role
from tests.tools import cast

PASSWORD = "correct horse battery"
NEW_PASSWORD = "a new and longer one"


@dataclass(frozen=True)
class Office:
    """uma has no account yet; rita and rolf make and confirm codes."""

    uma: Person
    rita: Person
    rolf: Person


@pytest.fixture
def office(db: None) -> Office:
    return Office(
        uma=cast.person("uma"),
        rita=cast.person("rita"),
        rolf=cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,)),
    )


def account(person: Person, password: str | None = PASSWORD) -> Account:
    """An account named as the cast names its person."""
    return Account.objects.create_account(
        username=person.given_name.lower(), person=person, password=password
    )
