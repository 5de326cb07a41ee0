"""START: each number is a link to a list of exactly what it counts, for every role."""

import copy
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.lists import counting
from identity_manager.console.search import saved_searches
from identity_manager.console.start import dashboard
from identity_manager.models import (
    OFFICER_ROLES,
    AskedApprover,
    AuditCheck,
    Certificate,
    JobOutcome,
    JobRun,
    LastBackup,
    Person,
    PersonKind,
    PersonState,
    Role,
    SignInCode,
)
from identity_manager.people import saved_searches as verbs
from identity_manager.workflow.people import sign_in_codes
from tests.architecture.standing import taken_back
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.database, pytest.mark.nightly_on_postgresql]
START = reverse("console:start")
PARTS = ("waits", "registered", "troubles", "under_way", "expiring")


def figures(response: Any) -> list[dashboard.Figure]:
    return [figure for part in PARTS for figure in response.context[part]]


def listed(client: Client, url: str) -> int:
    """How many rows the page behind a number lists."""
    page, _sharp, anchor = url.partition("#")
    response = client.get(page)
    assert response.status_code == 200, url
    if anchor == "backup":
        return response.text.count("has failed")
    if anchor:
        (section,) = (s for s in response.context["sections"] if f"tasks-{s.source.name}" == anchor)
        return len(section.rows)
    if page == reverse("console:jobs"):
        return sum(line.row.outcome == JobOutcome.FAILED for line in response.context["lines"])
    if page == reverse("console:authorities"):
        return response.text.count("does not answer")
    if page == reverse("console:history-check"):
        return len(response.context["last"].findings)
    if page.startswith(reverse("console:outbox")):
        return len(response.context["lines"])
    return len(response.context["rows"])


def busy_company() -> cast.Company:
    """Something of everything: in each state that START counts, in two units."""
    company = cast.Company()
    far = cast.person("sonja", organisational_unit="Süd")
    cast.person("rolf", state=PersonState.REGISTERED)
    cast.person("xenia", kind=PersonKind.EXTERNAL, state=PersonState.REGISTERED)
    company.request_in("failed")
    cast.enabled(company.ada, far, company.signature)
    cast.enabled(company.ada, far, company.vpn)
    cast.enabled(company.ada, company.sam, company.signature)
    cast.accepted(cast.enabled(company.ada, company.sam, company.vpn))
    done = cast.enabled(company.ada, company.paul, company.vpn)
    done = cast.delivered(cast.issued(cast.accepted(done)))
    cast.noted(done.tokens.get())
    mail = done.mails.order_by("pk").first()
    assert mail is not None
    type(mail).objects.filter(pk=mail.pk).update(state="failed")
    Certificate.objects.filter(state="valid").update(
        not_after=timezone.now() + timedelta(days=10), revocation_decided_at=timezone.now()
    )
    LastBackup.objects.create(failed_at=timezone.now(), error="no room")
    other = done.mails.order_by("pk").last()
    assert other is not None
    type(mail).objects.filter(pk=other.pk).update(state="queued", last_error="451 try again")
    AuditCheck.objects.create(
        is_open=False, finished_at=timezone.now(), findings=[{"kind": "gap", "sentence": "One is missing."}]
    )
    code = sign_in_codes.ask(actor=company.rita, person_id=company.sam.pk)
    SignInCode.objects.filter(pk=code.pk).update(
        made_at=timezone.now(), expires_at=timezone.now() + timedelta(days=1)
    )
    SignInCode.objects.create(
        person=cast.person("nora", sid=""),
        needs_confirmation=False,
        asked_by=company.rita,
        made_at=timezone.now() - timedelta(days=9),
        expires_at=timezone.now() - timedelta(days=1),
    )
    SignInCode.objects.create(
        person=cast.person("nils", kind=PersonKind.EXTERNAL, sid=""),
        needs_confirmation=False,
        made_at=timezone.now() - timedelta(days=9),
        expires_at=timezone.now() - timedelta(days=1),
        asked_by=company.rita,
    )
    waiting = cast.enabled(company.ada, cast.person("lisa", sid=""), company.signature)
    AskedApprover.objects.filter(request=waiting).delete()
    AskedApprover.objects.create(
        request=waiting,
        round=1,
        approver=company.paul,
        level="first",
        **dict.fromkeys(("asked_at", "waits_from", "reminded_at"), timezone.now()),
    )
    JobRun.objects.update_or_create(name="queue.sweep", defaults={"outcome": JobOutcome.FAILED})
    return company


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: Any) -> Iterator[cast.Company]:
    """Built once, and taken back in the end: each test here begins with it."""
    with django_db_blocker.unblock(), taken_back():
        yield busy_company()


@pytest.fixture
def company(standing: cast.Company, db: None) -> cast.Company:
    return copy.deepcopy(standing)


@pytest.fixture
def busy(company: cast.Company) -> cast.Company:
    return company


@pytest.mark.parametrize("unit", ["", "Nord", "Süd"])
@pytest.mark.parametrize("role", sorted(OFFICER_ROLES))
def test_each_number_leads_to_as_many_rows(busy: cast.Company, role: Role, unit: str) -> None:
    client = signed_in(officer("olga", role, unit=unit))

    counted = {figure.label: figure for figure in figures(client.get(START))}

    wrong = {
        label: (figure.number, listed(client, figure.url))
        for label, figure in counted.items()
        if figure.number != listed(client, figure.url)
    }
    assert wrong == {}


def test_everything_that_is_counted_is_counted_here(busy: cast.Company) -> None:
    """Else the test above proves little: each figure of START is more than nothing for some role."""
    seen: dict[str, int] = {}
    for role in sorted(OFFICER_ROLES):
        client = signed_in(cast.person(f"o{role[:4]}", roles=(role,), sid="", upn=""))
        for figure in figures(client.get(START)):
            words = re.sub(r"\W+", " ", figure.label)
            seen[words] = max(seen.get(words, 0), figure.number)

    assert {words for words, number in seen.items() if not number} <= {
        "wait for the passphrase or the mail",
        "certificate authorities do not answer",
    }
    assert len(seen) >= 14
    assert seen["request waits for an approver who was reminded"] == 1
    assert seen["employee s sign in code has ended unused"] == 1
    assert seen["external person s sign in code has ended unused"] == 1


def test_many_are_counted_as_far_as_their_list_counts(
    busy: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNT_LIMIT", 1)
    Person.objects.filter(given_name="Sam").update(state=PersonState.REGISTERED)
    rita = signed_in(busy.rita)

    registered = rita.get(START).context["registered"]
    employees = next(figure for figure in registered if "state=registered" in figure.url)

    assert employees.title == "1+"
    assert "More than 1 of" in rita.get(employees.url).text


def test_start_asks_no_more_of_the_database_the_more_there_is(
    ada: Client, busy: cast.Company, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    ada.get(START)
    with django_assert_max_num_queries(60) as few:
        ada.get(START)
    for number in range(3):
        cast.enabled(busy.ada, cast.person(f"more{number}", sid="", upn=""), busy.vpn)
    with django_assert_max_num_queries(60) as many:
        ada.get(START)

    assert len(many) <= len(few)


def test_a_saved_search_is_counted_as_its_list_counts(ada: Client, busy: cast.Company) -> None:
    for kind in ("employee", "external", "request", "certificate"):
        verbs.keep(actor=busy.ada, name=kind, kind=kind, query=f"kind={kind}")

    response = ada.get(START)

    assert {each.row.name for each in response.context["saved"]} == {
        "employee",
        "external",
        "request",
        "certificate",
    }
    for each in saved_searches.of(busy.ada):
        assert each.found.count == listed(ada, each.url) > 0, each.row.name


@pytest.mark.parametrize("role", sorted(OFFICER_ROLES))
def test_nothing_is_no_tile(busy: cast.Company, role: Role) -> None:
    response = signed_in(officer("olga", role)).get(START)

    assert [figure.label for figure in figures(response) if not figure.number] == []


def test_a_registration_officer_has_the_first_actions_and_who_lacks_what(busy: cast.Company) -> None:
    response = signed_in(busy.rita).get(START)

    for name in ("person-create", "import-upload"):
        assert f'href="{reverse(f"console:{name}")}"' in response.text
    labels = {figure.label for figure in response.context["registered"]}
    assert {
        "employees have never signed in",
        "employee's sign-in code ends within two days",
        "external person is not Active yet",
    } <= labels
    assert reverse("console:person-create") not in signed_in(busy.ada).get(START).text
