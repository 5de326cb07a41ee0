"""Every page of Identity Manager for every role: 200, 403 or 404; and what a role limited to a unit sees."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import Account, Person, RequestState, Role, RoleAssignment, TermsVersion
from tests import cast

pytestmark = pytest.mark.django_db

OFFICERS = {
    "administrator": Role.TOKEN_ADMINISTRATOR,
    "approver": Role.APPROVER,
    "registrar": Role.REGISTRATION_OFFICER,
    "user_administrator": Role.USER_ADMINISTRATOR,
    "recoverer": Role.RECOVERY_OFFICER,
    "auditor": Role.AUDITOR,
    "system_administrator": Role.SYSTEM_ADMINISTRATOR,
    "user": Role.SELF_SERVICE_USER,
}
PERSON_READERS = {"administrator", "registrar", "user_administrator", "recoverer", "auditor"}
REQUEST_READERS = {"administrator", "approver", "recoverer", "auditor"}
SYSTEM_READERS = {"user_administrator", "auditor", "system_administrator"}
CATALOGUE_READERS = {"auditor", "system_administrator"}
EVERY_OFFICER = set(OFFICERS) - {"user"}

PAGES = {
    "start": EVERY_OFFICER,
    "approvals": EVERY_OFFICER,
    "search": PERSON_READERS,
    "person": PERSON_READERS,
    "enable": {"administrator"},
    "requests": REQUEST_READERS,
    "request": REQUEST_READERS,
    "request-approve": {"approver"},
    "request-reject": {"approver"},
    "request-postpone": {"approver"},
    "request-cancel": {"administrator"},
    "request-retry": {"administrator"},
    "request-retry-now": {"administrator"},
    "token-revoke": {"administrator"},
    "token-send-again": {"administrator"},
    "mail-retry": {"administrator"},
    "admin": SYSTEM_READERS,
    "token-type": CATALOGUE_READERS,
    "terms": CATALOGUE_READERS,
}


def signed_in(person: Person) -> Client:
    account, _created = Account.objects.get_or_create(
        person=person, defaults={"username": person.personnel_number}
    )
    client = Client()
    client.force_login(account)
    return client


@pytest.fixture
def company() -> cast.Company:
    return cast.Company()


@pytest.fixture
def addresses(company: cast.Company) -> dict[str, str]:
    """One address for each page, all about a request of uma that waits for approval."""
    request = company.request_in(RequestState.REQUESTED)
    keys = {
        "person": company.uma.pk,
        "enable": company.uma.pk,
        "token-revoke": request.tokens.get().pk,
        "token-send-again": request.tokens.get().pk,
        "mail-retry": request.mails.get(person=company.paul).pk,
        "token-type": company.vpn.pk,
        "terms": TermsVersion.objects.get(is_current=True).pk,
    }
    found = {}
    for name in PAGES:
        without_key = name in ("start", "approvals", "search", "requests", "admin")
        found[name] = reverse(f"console:{name}", args=[] if without_key else [keys.get(name, request.pk)])
    return found


@pytest.mark.parametrize("role", OFFICERS)
def test_each_role_opens_its_pages_and_no_others(role: str, addresses: dict[str, str]) -> None:
    client = signed_in(cast.person("olga", roles=(OFFICERS[role],)))

    statuses = {name: client.get(address).status_code for name, address in addresses.items()}

    assert statuses == {name: 200 if role in allowed else 403 for name, allowed in PAGES.items()}
