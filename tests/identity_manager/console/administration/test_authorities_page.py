"""ADMIN, Certificate authorities: what is shown of a connection, and **Test connection**."""

import html
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from pytest_django import Settings

from ca_bridge.connection import registry
from ca_bridge.contract_operation import DueMaintenance, MaintenanceNeed
from ca_bridge.errors import CaError
from ca_bridge.models import CaAttempt, CaOrder
from identity_manager.audit import Event
from identity_manager.authorities import circuit_breaker
from identity_manager.console.administration import authority_page
from identity_manager.jobs import runner as jobs
from identity_manager.models import AuditEvent, CaCheck, CaOutage, ProcessTotal, Role
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.long_on_postgresql, pytest.mark.long]

PAGE = reverse("console:authorities")
TEST = reverse("console:authority-test", args=["corporate"])


def test_a_test_is_kept_and_audited(sven: Client) -> None:
    assert "Not tested yet" in sven.get(PAGE).text
    text = sven.post(TEST, follow=True).text
    assert "corporate answers." in text
    row = CaCheck.objects.get()
    assert row.ok
    assert row.checked_by is not None
    event = AuditEvent.objects.get(name=Event.CA_TESTED.value)
    assert (event.facts["ca"], event.facts["ok"]) == ("corporate", True)
    assert "Sven Muster" in text


@pytest.mark.parametrize("trouble", [OSError("no route to host"), KeyError("profile"), ValueError("bad")])
def test_whatever_breaks_is_the_answer(
    sven: Client, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(self: object) -> None:
        raise trouble

    monkeypatch.setattr(type(registry.connector("corporate")), "health", fail)
    response = sven.post(TEST, follow=True)
    assert response.status_code == 200
    assert "corporate does not answer." in response.text
    assert type(trouble).__name__ in CaCheck.objects.get().detail


def test_a_wrong_setting_is_named(sven: Client, settings: Settings) -> None:
    settings.CA_CONNECTORS = {"broken": {"CONNECTOR": "no.such.Connector", "OPTIONS": {}}}
    text = sven.post(reverse("console:authority-test", args=["broken"]), follow=True).text
    assert "must be the dotted path of a connector" in text


def test_secrets_among_the_options_are_never_shown(sven: Client, settings: Settings) -> None:
    options = {
        "url": "https://user:hunter2@ca.example.com/",
        "password": "hunter2",
        "api_key": "hunter2",
        "client_secret": "hunter2",
        "pin": "hunter2",
        "passphrase_file": "/run/secrets/ca",
    }
    settings.CA_CONNECTORS = {"other": {"CONNECTOR": "no.such.Connector", "OPTIONS": options}}
    text = sven.get(PAGE).text
    assert "hunter2" not in text
    assert "/run/secrets/ca" in text
    assert "https://ca.example.com/" in text
    shown = {str(pair.label): pair.value for pair in authority_page.options_of("other")}
    assert shown["password"] == authority_page.HIDDEN


def test_the_schedule_tests_every_connection(sven: Client) -> None:
    jobs.run(run_id=jobs.row_of("ca.check").pk)
    row = CaCheck.objects.get()
    assert (row.alias, row.ok, row.checked_by) == ("corporate", True, None)


def test_looking_asks_no_authority(sven: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_alias: str) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(registry, "health", fail)
    assert sven.get(PAGE).status_code == 200


def test_the_fault_is_named_in_the_readers_language(sven: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise CaError("It cannot be reached.", "refused") from ConnectionRefusedError()

    monkeypatch.setattr(type(registry.connector("corporate")), "health", fail)
    assert "Nothing listens there" in sven.post(TEST, follow=True).text
    assert CaCheck.objects.get().fault == "refused"
    sven.cookies["django_language"] = "de"
    assert "Dort nimmt niemand Verbindungen an" in sven.get(PAGE).text


def test_a_fault_that_is_over_is_not_shown(sven: Client) -> None:
    CaCheck.objects.create(
        alias="corporate", ok=True, detail="", fault="dns", took=timedelta(), checked_at=timezone.now()
    )
    assert "DNS" not in sven.get(PAGE).text


def test_what_the_operator_should_see_to_is_said_in_the_readers_language(
    sven: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        DueMaintenance(MaintenanceNeed.ROLL_OVER, date(2027, 5, 1)),
        DueMaintenance(MaintenanceNeed.ROOT_CRL_MISSING),
    ]
    monkeypatch.setattr(
        type(registry.connector("corporate")), "due_maintenance", lambda self: found, raising=False
    )
    text = html.unescape(sven.post(TEST, follow=True).text)
    assert "holds longer than the issuing CA, until 1 May 2027: manage.py roll_issuing_ca." in text
    assert "The root's CRL is missing" in text
    sven.cookies["django_language"] = "de"
    assert "als die ausstellende CA, bis 1. Mai 2027: manage.py roll_issuing_ca." in sven.get(PAGE).text

    found.clear()
    assert "Bald zu erledigen" not in sven.post(TEST, follow=True).text


@pytest.mark.parametrize(
    ("needs", "shown"),
    [
        ([["of-tomorrow", "2027-05-01"]], "of-tomorrow 2027-05-01"),
        ([["roll-over", "next year"]], "roll-over next year"),
        ([["roll-over", "2027-05-01", "soon"]], "roll-over 2027-05-01 soon"),
        ([["roll-over", {"day": 1}]], "roll-over {&#x27;day&#x27;: 1}"),
        (["roll-over"], "roll-over"),
        ([7], "7"),
        ({"roll-over": None}, "roll-over"),
        ("roll-over", "roll-over"),
    ],
)
def test_needs_that_another_version_wrote_are_told_as_it_wrote_them(
    sven: Client, needs: object, shown: str
) -> None:
    sven.post(TEST)
    CaCheck.objects.update(needs=needs)
    page = sven.get(PAGE).text
    assert "See to it soon" in page
    assert shown in page


def test_why_orders_wait_is_told_in_the_language_of_the_reader(
    sven: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what the CA said, which is kept in English whoever had it asked, is marked as English."""

    def fail(self: object) -> None:
        raise CaError.out_of_service("HTTP 503") from ConnectionRefusedError()

    sven.cookies["django_language"] = "de"
    with monkeypatch.context() as patched:
        patched.setattr(type(registry.connector("corporate")), "health", fail)
        for _fault in range(circuit_breaker.FAULTS_TO_OPEN):
            sven.post(TEST)
    said = "The certificate authority is out of service for now. HTTP 503"
    assert CaOutage.objects.get().detail == CaCheck.objects.get().detail == said
    page = sven.get(PAGE).text
    assert f'lang="en">{said}</p>' in page
    assert page.count("Dort nimmt niemand Verbindungen an") == 1

    CaCheck.objects.update(ok=True, detail="", fault="")
    page = sven.get(PAGE).text
    assert page.count("Dort nimmt niemand Verbindungen an") == 1
    assert f'<p class="small" lang="en">{said}</p>' in page


def test_what_the_ca_said_of_an_order_is_marked_as_english(sven: Client) -> None:
    attempt = CaAttempt(order=order_at("corporate"), outcome=CaAttempt.Outcome.FAULT, detail="no such role")
    attempt.answered_at = timezone.now()
    attempt.save()
    sven.cookies["django_language"] = "de"
    assert '<span lang="en" class="who-line">no such role</span>' in sven.get(PAGE).text


def test_a_ca_that_cannot_say_what_it_needs_is_tested_all_the_same(
    sven: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object) -> None:
        raise CaError("The CA is not here.")

    monkeypatch.setattr(type(registry.connector("corporate")), "due_maintenance", fail, raising=False)
    assert "corporate answers." in sven.post(TEST, follow=True).text
    assert CaCheck.objects.get().needs == []


def order_at(ca: str) -> CaOrder:
    now, key = timezone.now(), uuid4()
    return CaOrder.objects.create(
        idempotency_key=str(key),
        ca=ca,
        csr=b"",
        content={},
        public_key_sha256=key.bytes,
        not_before=now,
        not_after=now + timedelta(days=1),
    )


@pytest.mark.database
def test_the_last_orders_in_trouble_are_shown(sven: Client) -> None:
    """Those of the connection alone, the newest first, and no more than three."""
    now = timezone.now()
    for number in range(5):
        order = order_at("corporate")
        CaAttempt.objects.create(
            order=order,
            answered_at=now - timedelta(minutes=number),
            outcome="fault" if number else "refused",
            detail=f"HTTP 400: unknown role: r{number}",
        )
    CaAttempt.objects.create(
        order=order_at("corporate"), answered_at=now, outcome="pending", detail="all is well"
    )
    CaAttempt.objects.create(
        order=order_at("elsewhere"), answered_at=now, outcome="fault", detail="of another CA"
    )

    text = sven.get(PAGE).text
    shown = [number for number in range(5) if f"unknown role: r{number}" in text]
    assert shown == [0, 1, 2]
    assert "It does not know the profile" in text
    assert "all is well" not in text
    assert "of another CA" not in text


def test_what_all_processes_counted_is_shown(sven: Client) -> None:
    labels = json.dumps({"ca": "corporate", "call": "ask", "outcome": "issued"}, sort_keys=True)
    ProcessTotal.objects.add(
        {
            ("identity_manager_ca_call_seconds_count", labels): 2000,
            ("identity_manager_ca_call_seconds_sum", labels): 240.0,
        }
    )
    text = sven.get(PAGE).text
    assert "asked to issue" in text
    assert "2,000" in text
    assert "took 120 ms" in text


def test_an_unknown_alias_is_not_found_and_an_auditor_tests_nothing(sven: Client, otto: Client) -> None:
    assert sven.post(reverse("console:authority-test", args=["no-such"])).status_code == 404
    assert otto.post(TEST).status_code == 403
    assert "Test connection" not in otto.get(PAGE).text
    assert sven.get(TEST).status_code == 405


class Offering:
    """The embedded connector, but that it lists profiles.

    A class of its own: Python remembers of each class for ever that it can, once it was asked.
    """

    def __init__(self, profiles: Callable[[], list[str]]) -> None:
        self._connector = registry.connector("corporate")
        self._profiles = profiles

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def profiles(self) -> list[str]:
        return self._profiles()


def put_in_place(monkeypatch: pytest.MonkeyPatch, connector: Offering) -> None:
    monkeypatch.setattr(registry, "connector", lambda _alias: connector)


def test_profiles_that_it_tells_are_shown_and_offered_where_profiles_are_made(
    sven: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = reverse("console:profile-new")
    assert "offered-profiles" not in sven.get(form).text
    put_in_place(monkeypatch, Offering(lambda: ["vpn-2026", "person"]))
    assert "person, vpn-2026" in sven.post(TEST, follow=True).text
    text = sven.get(form).text
    assert 'list="offered-profiles"' in text
    assert '<option value="vpn-2026">corporate</option>' in text


def test_what_it_told_stays_while_it_does_not_answer(sven: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise CaError("No.")

    connector = Offering(lambda: ["person"])
    put_in_place(monkeypatch, connector)
    sven.post(TEST)
    monkeypatch.setattr(connector, "health", fail, raising=False)
    sven.post(TEST)
    row = CaCheck.objects.get()
    assert (row.ok, row.offered) == (False, ["person"])


def test_profiles_that_we_may_not_list_are_no_fault(sven: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> list[str]:
        raise CaError("Not yours.")

    put_in_place(monkeypatch, Offering(fail))
    sven.post(TEST)
    row = CaCheck.objects.get()
    assert (row.ok, row.offered) == (True, [])


def test_an_administrator_of_one_unit_reads_and_changes_nothing(company: cast.Company) -> None:
    of_the_unit = signed_in(officer("nils", Role.SYSTEM_ADMINISTRATOR, unit="Nord", sid=""))

    text = of_the_unit.get(PAGE).text
    refused = of_the_unit.post(TEST)

    assert "corporate" in text
    assert TEST not in text
    assert refused.status_code == 403
    assert "Only a System Administrator can do this." in refused.text


def test_what_a_test_found_is_told_in_the_language_of_the_reader(sven: Client) -> None:
    sven.post(TEST)
    row = CaCheck.objects.get()
    until = row.findings[0][1]["until"]
    assert f", until {until}." in row.detail
    sven.cookies["django_language"] = "de"
    page = sven.get(PAGE).text
    with translation.override("de"):
        assert f", bis {date_format(date.fromisoformat(until))}." in page
    assert ", until " not in page


@pytest.mark.parametrize(
    ("finding", "detail"),
    [
        (["of-tomorrow", {}], "Something new."),
        (["takes-tokens-of", {"issuer": "portal"}], "It takes tokens of portal."),
        (["takes-tokens-of", ["portal"]], "It takes tokens of portal."),
        (["takes-tokens-of"], "It takes tokens of portal."),
        (["sealed", ["portal"]], "It is sealed."),
        (["holds-until", {"name": "CN=corporate", "until": "next year"}], "CN=corporate, until next year."),
    ],
)
def test_findings_of_a_newer_version_are_told_as_it_wrote_them(
    sven: Client, finding: list[Any], detail: str
) -> None:
    sven.post(TEST)
    CaCheck.objects.update(findings=[finding], detail=detail)
    assert detail in sven.get(PAGE).text


def test_findings_that_an_older_version_left_behind_are_not_told(sven: Client) -> None:
    sven.post(TEST)
    CaCheck.objects.update(ok=False, detail="HTTP 503 service gone", fault="")
    page = sven.get(PAGE).text
    assert "HTTP 503 service gone" in page
    assert ", until " not in page
