"""Every page of Identity Manager for every role: 200, 403 or 404; and opening a page changes nothing."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import AuditEvent, OutgoingMail, PersonState, RequestState, Role, TermsVersion
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

ROLES = {
    "administrator": Role.TOKEN_ADMINISTRATOR,
    "approver": Role.APPROVER,
    "registrar": Role.REGISTRATION_OFFICER,
    "user-administrator": Role.USER_ADMINISTRATOR,
    "recoverer": Role.RECOVERY_OFFICER,
    "auditor": Role.AUDITOR,
    "system-administrator": Role.SYSTEM_ADMINISTRATOR,
    "user": Role.SELF_SERVICE_USER,
}
OFFICERS = set(ROLES) - {"user"}
PERSON_READERS = {"administrator", "registrar", "user-administrator", "recoverer", "auditor"}
REQUEST_READERS = {"administrator", "approver", "recoverer", "auditor"}
CATALOGUE_READERS = {"auditor", "system-administrator"}

# Who opens which page. What is about one person's request is about uma's, which waits for approval.
PAGES = {
    "start": OFFICERS,
    "approvals": OFFICERS,
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
    "admin": CATALOGUE_READERS | {"user-administrator"},
    "token-type": CATALOGUE_READERS,
    "terms": CATALOGUE_READERS,
}
WITHOUT_KEY = {"start", "approvals", "search", "requests", "admin"}
OF_A_UNIT = [name for name in PAGES if name not in WITHOUT_KEY | {"token-type", "terms"}]


@pytest.fixture
def addresses(company: cast.Company) -> dict[str, str]:
    request = company.request_in(RequestState.REQUESTED)
    keys = {
        "person": company.uma.pk,
        "enable": company.uma.pk,
        "token-revoke": request.tokens.get().pk,
        "token-send-again": request.tokens.get().pk,
        "token-type": company.vpn.pk,
        "terms": TermsVersion.objects.get(is_current=True).pk,
    }
    return {
        name: reverse(f"console:{name}", args=[] if name in WITHOUT_KEY else [keys.get(name, request.pk)])
        for name in PAGES
    }


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_pages_and_no_others(role: str, addresses: dict[str, str]) -> None:
    client = signed_in(officer("olga", ROLES[role]))

    statuses = {name: client.get(address).status_code for name, address in addresses.items()}

    assert statuses == {name: 200 if role in allowed else 403 for name, allowed in PAGES.items()}


@pytest.mark.parametrize("role", ROLES)
def test_a_post_by_who_may_not_open_the_page_changes_nothing(role: str, addresses: dict[str, str]) -> None:
    client = signed_in(officer("olga", ROLES[role]))
    events = AuditEvent.objects.exclude(name="access.denied").count()

    for name, allowed in PAGES.items():
        if role not in allowed:
            assert client.post(addresses[name], {"reason": "x"}).status_code in (403, 405), name

    assert AuditEvent.objects.exclude(name="access.denied").count() == events


@pytest.mark.parametrize(
    "role", [Role.TOKEN_ADMINISTRATOR, Role.APPROVER, Role.AUDITOR, Role.REGISTRATION_OFFICER]
)
def test_an_officer_of_another_unit_finds_nothing(role: Role, addresses: dict[str, str]) -> None:
    client = signed_in(officer("olga", role, unit="Süd"))

    statuses = {client.get(addresses[name]).status_code for name in OF_A_UNIT}

    assert statuses <= {403, 404}
    assert client.get(addresses["person"]).status_code == (403 if role == Role.APPROVER else 404)


@pytest.mark.parametrize(
    ("role", "page"),
    [
        (Role.TOKEN_ADMINISTRATOR, "enable"),
        (Role.APPROVER, "request"),
        (Role.AUDITOR, "request"),
        (Role.REGISTRATION_OFFICER, "person"),
    ],
)
def test_an_officer_of_the_same_unit_finds_it(role: Role, page: str, addresses: dict[str, str]) -> None:
    client = signed_in(officer("olga", role, unit="Nord"))

    assert client.get(addresses[page]).status_code == 200


def test_who_sees_everything_but_administers_one_unit_reads_and_does_not_act(
    addresses: dict[str, str],
) -> None:
    olga = officer("olga", Role.AUDITOR)
    olga.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Süd")
    client = signed_in(olga)

    assert client.get(addresses["request"]).status_code == 200
    assert client.get(addresses["request-cancel"]).status_code == 403
    assert client.get(addresses["enable"]).status_code == 403


def test_an_approver_reads_only_what_needed_an_approval(company: cast.Company, paul: Client) -> None:
    never_asked = company.request_in(RequestState.AWAITING_ACCEPTANCE)

    assert paul.get(reverse("console:request", args=[never_asked.pk])).status_code == 404
    assert str(never_asked.reference) not in paul.get(reverse("console:requests")).text


def test_without_a_sign_in_every_page_leads_to_it(addresses: dict[str, str]) -> None:
    for address in addresses.values():
        response = Client().get(address)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("state", [PersonState.INACTIVE, PersonState.LOCKED])
def test_an_officer_who_is_not_active_any_more_gets_in_nowhere(state: str, addresses: dict[str, str]) -> None:
    client = signed_in(cast.person("olga", state=state, roles=(Role.TOKEN_ADMINISTRATOR,)))

    assert {client.get(address).status_code for address in addresses.values()} <= {302, 403}


def test_who_holds_no_office_is_shown_the_way_to_self_service(company: cast.Company) -> None:
    response = signed_in(company.uma).get("/")

    assert response.status_code == 403
    assert "/my/" in response.text


def test_opening_pages_changes_nothing(addresses: dict[str, str]) -> None:
    everything = officer("olga", Role.AUDITOR)
    for role in ROLES.values():
        everything.roles.get_or_create(role=role)
    client = signed_in(everything)
    before = AuditEvent.objects.exclude(name="access.denied").count(), OutgoingMail.objects.count()

    for address in addresses.values():
        assert client.get(address).status_code == 200

    assert (AuditEvent.objects.exclude(name="access.denied").count(), OutgoingMail.objects.count()) == before


def test_forms_without_a_csrf_token_are_refused(company: cast.Company, addresses: dict[str, str]) -> None:
    client = signed_in(company.ada, enforce_csrf_checks=True)

    assert client.post(addresses["request-cancel"], {"reason": "x"}).status_code == 403


def test_no_page_carries_style_or_script_of_its_own(company: cast.Company, addresses: dict[str, str]) -> None:
    everything = officer("olga", Role.AUDITOR)
    for role in ROLES.values():
        everything.roles.get_or_create(role=role)
    client = signed_in(everything)

    for name, address in addresses.items():
        text = client.get(address).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), name


def test_what_does_not_exist_is_404(ada: Client, company: cast.Company) -> None:
    for name in ("person", "enable", "request", "request-cancel", "token-revoke"):
        assert ada.get(reverse(f"console:{name}", args=[company.vpn.pk])).status_code == 404
