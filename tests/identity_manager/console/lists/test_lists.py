"""REQUESTS, OPEN TASKS, START and ADMIN: what each shows to whom."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.connection import registry
from ca_bridge.contract import Health
from ca_bridge.database.prepared_queries import PAGES
from identity_manager.console.lists import remembered_counts
from identity_manager.models import Role, TermsVersion, TokenRequest
from identity_manager.models.people.account import PAGE_SIZES
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast
from tests.tools.sign_in import signed_in

REQUESTS = reverse("console:requests")
OPEN_TASKS = reverse("console:approvals")
START = reverse("console:start")
ADMIN = reverse("console:admin")
AUTHORITIES = reverse("console:authorities")


def listed(response: Any) -> list[TokenRequest]:
    return list(response.context["page"])


@pytest.fixture
def several(company: cast.Company) -> dict[str, TokenRequest]:
    """One request that waits for approval (uma), one that waits for acceptance (sam)."""
    return {
        "requested": company.request_in("requested"),
        "awaiting": cast.enabled(company.ada, company.sam, company.vpn),
    }


def test_the_list_is_newest_first_and_turns_round(ada: Client, several: dict[str, TokenRequest]) -> None:
    newest, oldest = several["awaiting"], several["requested"]

    assert listed(ada.get(REQUESTS)) == [newest, oldest]
    assert listed(ada.get(REQUESTS, {"sort": "asked"})) == [oldest, newest]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "requested"}, ["requested"]),
        ({"state": "open"}, ["awaiting", "requested"]),
        ({"state": "completed"}, []),
        ({"q": "lindqvist"}, ["requested"]),
        ({"q": "P-sam"}, ["awaiting"]),
        ({"q": "nobody"}, []),
        ({"state": "mail-refused"}, []),
    ],
)
def test_filters_narrow_the_list(
    ada: Client, several: dict[str, TokenRequest], query: dict[str, str], expected: list[str]
) -> None:
    assert listed(ada.get(REQUESTS, query)) == [several[name] for name in expected]


def test_a_reference_finds_its_request(ada: Client, several: dict[str, TokenRequest]) -> None:
    wanted = several["awaiting"]

    assert listed(ada.get(REQUESTS, {"q": wanted.reference.lower()})) == [wanted]
    assert listed(ada.get(REQUESTS, {"q": wanted.reference[:4]})) == [wanted]


def test_refused_mails_find_their_requests(ada: Client, several: dict[str, TokenRequest]) -> None:
    mail = several["awaiting"].mails.get(message="information")
    mail.mark_failed(error="550", error_code="SMTP 550", now=timezone.now())
    mail.save()

    assert listed(ada.get(REQUESTS, {"state": "mail-refused"})) == [several["awaiting"]]


def test_an_order_or_a_page_that_nobody_knows_still_opens(
    ada: Client, several: dict[str, TokenRequest]
) -> None:
    response = ada.get(REQUESTS, {"sort": "secret", "page": "x"})

    assert response.status_code == 200
    assert len(listed(response)) == 2


def test_a_filter_that_nobody_knows_is_told_at_its_field(
    ada: Client, several: dict[str, TokenRequest]
) -> None:
    response = ada.get(REQUESTS, {"state": "gone"})

    assert response.status_code == 422
    assert "There is no such choice." in response.text
    assert "page" not in response.context


def test_no_request_at_all_says_how_one_comes_about(ada: Client) -> None:
    assert "No requests yet" in ada.get(REQUESTS).text


def test_a_filter_without_a_match_leads_back_to_all(ada: Client, several: dict[str, TokenRequest]) -> None:
    assert "Show all" in ada.get(REQUESTS, {"state": "failed"}).text


def test_the_list_asks_the_database_the_same_number_of_times(
    ada: Client,
    company: cast.Company,
    several: dict[str, TokenRequest],
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    ada.get(REQUESTS)
    with django_assert_max_num_queries(14) as few:
        ada.get(REQUESTS, {"state": "requested"})
    with django_assert_max_num_queries(14) as many:
        ada.get(REQUESTS)

    assert len(few) == len(many)


def test_the_queue_is_oldest_first_with_the_age(paul: Client, company: cast.Company) -> None:
    young = cast.enabled(company.ada, company.sam, company.signature)
    old = company.request_in("requested")
    TokenRequest.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=5))

    response = paul.get(OPEN_TASKS)

    assert tasks(response, "decisions") == [old, young]
    assert "5 hours" in response.text


def test_the_queue_leaves_out_what_this_approver_may_not_decide(company: cast.Company) -> None:
    request = company.request_in("requested")
    company.uma.roles.create(role=Role.APPROVER)
    elsewhere = officer("olga", Role.APPROVER, unit="Süd")

    assert tasks(signed_in(company.petra).get(OPEN_TASKS), "decisions") == [request]
    assert tasks(signed_in(company.uma).get(OPEN_TASKS), "decisions") == []
    assert tasks(signed_in(elsewhere).get(OPEN_TASKS), "decisions") == []


def test_failed_requests_are_a_task_of_administrators(
    ada: Client, paul: Client, company: cast.Company
) -> None:
    failed = company.request_in("failed")

    assert tasks(ada.get(OPEN_TASKS), "failed") == [failed]
    assert tasks(paul.get(OPEN_TASKS), "failed") == []


def test_who_has_nothing_to_do_is_told_so(company: cast.Company) -> None:
    otto = signed_in(officer("otto", Role.AUDITOR))

    assert "Nothing waits for you" in otto.get(OPEN_TASKS).text


def figures(response: Any, part: str) -> dict[str, int]:
    return {figure.label: figure.number for figure in response.context[part]}


def test_start_counts_what_waits_for_an_approver(paul: Client, company: cast.Company) -> None:
    assert "Nothing waits for you." in paul.get(START).text
    company.request_in("requested")
    caches[remembered_counts.CACHE].clear()  # as after some seconds

    response = paul.get(START)

    assert figures(response, "waits") == {"request waits for your decision": 1}
    assert f'href="{OPEN_TASKS}"' in response.text


def test_start_counts_troubles_and_what_is_under_way_for_an_administrator(
    ada: Client, company: cast.Company
) -> None:
    company.request_in("failed")
    cast.enabled(company.ada, company.sam, company.signature)

    response = ada.get(START)

    assert figures(response, "troubles") == {"request has failed": 1}
    assert figures(response, "under_way")["waits for approval"] == 1
    assert f"{REQUESTS}?state=failed" in response.text


def test_each_number_of_start_leads_to_as_many_rows(ada: Client, company: cast.Company) -> None:
    company.request_in("issued")
    cast.enabled(company.ada, company.sam, company.signature)

    for figure in ada.get(START).context["under_way"]:
        assert len(listed(ada.get(figure.url))) == figure.number, figure.label


def test_start_tells_what_happened_only_of_requests_that_are_read(company: cast.Company) -> None:
    company.request_in("requested")

    assert "Uma Lindqvist" in signed_in(company.paul).get(START).text
    assert "Uma Lindqvist" not in signed_in(company.rita).get(START).text
    assert "Uma Lindqvist" not in signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR)).get(START).text


def test_a_ca_that_does_not_answer_is_told_on_start_and_admin(
    company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "health", lambda alias: Health(ok=False, detail="no route to host"))
    sven = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))

    olga = signed_in(officer("olga", Role.AUDITOR))

    assert figures(olga.get(START), "troubles") == {}
    text = sven.post(reverse("console:authority-test", args=["corporate"]), follow=True).text
    assert "does not answer" in text
    assert "no route to host" in text
    caches[remembered_counts.CACHE].clear()  # as after some seconds
    assert figures(olga.get(START), "troubles") == {"certificate authority does not answer": 1}
    assert "1 does not answer" in [line.word for line in sven.get(START).context["health"]]


def test_start_asks_no_ca(company: cast.Company, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(alias: str) -> Health:
        raise AssertionError("START waits for a certificate authority")

    monkeypatch.setattr(registry, "health", hang)

    assert signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR)).get(START).status_code == 200


def test_a_ca_that_is_configured_wrongly_is_told_and_breaks_nothing(
    company: cast.Company, settings: Settings
) -> None:
    settings.CA_CONNECTORS = {"broken": {"CONNECTOR": "no.such.Connector", "OPTIONS": {}}}

    sven = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))

    assert "broken" in sven.get(AUTHORITIES).text
    response = sven.post(reverse("console:authority-test", args=["broken"]), follow=True)
    assert response.status_code == 200
    assert "must be the dotted path of a connector" in response.text


def test_admin_shows_the_catalogue_to_who_may_read_it(company: cast.Company) -> None:
    sven = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))
    ulf = signed_in(officer("ulf", Role.USER_ADMINISTRATOR))

    for name, words in (("token-types", "VPN"), ("profiles", "Client"), ("terms-documents", "Terms of use")):
        address = reverse(f"console:{name}")
        assert address in sven.get(ADMIN).text
        assert words in sven.get(address).text
        assert address not in ulf.get(ADMIN).text
        assert ulf.get(address).status_code == 403
    assert "corporate" in sven.get(AUTHORITIES).text
    assert "Ada Berg" in ulf.get(reverse("console:officers")).text
    assert sven.get(reverse("console:officers")).status_code == 403


def test_terms_are_readable_in_every_language(company: cast.Company) -> None:
    version = TermsVersion.objects.get(is_current=True)
    sven = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))

    text = sven.get(reverse("console:terms", args=[version.pk])).text

    assert "Text 1" in text
    assert 'lang="de"' in text


def test_a_person_shows_requests_only_to_who_reads_requests(ada: Client, company: cast.Company) -> None:
    request = company.request_in("completed")
    address = reverse("console:person", args=[company.uma.pk])

    assert request.reference in ada.get(address).text
    rita = signed_in(company.rita).get(address).text
    assert request.reference not in rita
    assert "VPN" in rita


def test_a_person_shows_what_became_of_their_tokens(
    ada: Client, company: cast.Company, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    company.request_in("issued")
    address = reverse("console:person", args=[company.uma.pk])

    with django_assert_max_num_queries(30):
        response = ada.get(address)

    (card,) = response.context["tokens"]
    assert str(card.token) == "VPN"
    assert "not looked at yet" in response.text


def test_each_size_of_a_page_has_its_prepared_statement() -> None:
    """Else the SQL of its rows is compiled for each page."""
    assert PAGES == PAGE_SIZES
