"""How the tests of the officers' portal come in: a browser that a person has signed in with."""

import time
from typing import Any

from django.test import Client

from identity_manager.models import Account, Person, Role, RoleAssignment
from tests.tools import cast


def signed_in(person: Person, *, enforce_csrf_checks: bool = False) -> Client:
    """A browser where the person is signed in."""
    account, _created = Account.objects.get_or_create(
        person=person, defaults={"username": person.personnel_number}
    )
    client = Client(enforce_csrf_checks=enforce_csrf_checks)
    client.force_login(account)
    return client


def officer(name: str, role: Role, *, unit: str = "", **fields: str) -> Person:
    """An officer of one role, everywhere or for one organisational unit."""
    person = cast.person(name, roles=(), **fields)
    RoleAssignment.objects.create(person=person, role=role, organisational_unit=unit)
    return person


def tasks(response: Any, name: str) -> list[Any]:
    """The rows of that section of OPEN TASKS."""
    return [
        row for section in response.context["sections"] if section.source.name == name for row in section.rows
    ]


def just_signed_in(person: Person) -> Client:
    """With a sign-in that is recent enough for what asks for one."""
    return recently(signed_in(person), person)


def recently(client: Client, person: Person) -> Client:
    """The browser of the person, as if they had just signed in."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = str(person.account.pk)
    session.save()
    return client
