"""Signing in with a password: one answer for every failure, lockout, audit, and what is not mounted."""

import pytest
from django.test import Client

from identity_manager.models import Account, AuditEvent
from tests.cast import person

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def uma() -> Account:
    return Account.objects.create_account(username="uma", person=person("uma"), password=PASSWORD)


def sign_in(client: Client, name: str = "uma", password: str = PASSWORD, **more: str):
    return client.post("/account/login/", {"login": name, "password": password, **more})


def test_a_person_signs_in_and_starts_in_self_service(client: Client, uma: Account) -> None:
    response = sign_in(client)
    assert response.status_code == 302
    assert response["Location"] == "/my/"
    assert AuditEvent.objects.get(name="account.signed-in").facts == {"method": "password"}
