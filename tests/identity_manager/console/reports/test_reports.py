"""**Reports**: each with its chart, its table and its files; who reads what; saved, and mailed as a link."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ca_bridge.keys.envelopes import TRANSPORTS
from identity_manager.console.reports.registry import REPORTS
from identity_manager.console.reports.report import Asked
from identity_manager.models import (
    Approval,
    AskedApprover,
    AuditEvent,
    Certificate,
    DeliveryProblem,
    MailState,
    OutgoingMail,
    Person,
    RecoveryCertificate,
    RecoveryKeyKind,
    Role,
    RoleAssignment,
    SavedSearch,
    TokenRequest,
)
from identity_manager.people import saved_searches
from identity_manager.workflow import step2_approve
from tests.identity_manager.console.visitors import officer, signed_in
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]
LIST = reverse("console:reports")
ENDS = timedelta(days=40)


def page(name: str) -> str:
    return reverse("console:report", args=[name])


def read(name: str, actor: Person, **asked: Any) -> list[dict[str, object]]:
    """The lines of a report."""
    report, actor = REPORTS[name], Person.objects.get(pk=actor.pk)
    days = asked.pop("days", (*report.periods, 0)[0])
    wanted = Asked(actor, days=days, person_kind="employee", **asked)
    return [dict(line.values) for line in report.read(wanted)]


def holder(company: Company, name: str, *, unit: str = "North") -> Person:
    """A person with a VPN token that ends in 40 days."""
    person = cast.person(name, sid="", organisational_unit=unit)
    request = cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
    token = cast.noted(cast.delivered(request).tokens.get())
    Certificate.objects.filter(token=token).update(not_after=timezone.now() + ENDS)
    return person


def test_one_without_a_line_is_saved_too(company: Company) -> None:
    ada = signed_in(company.ada)
    save = reverse("console:report-save", args=["expiry"])
    empty, wrong = ada.get(page("expiry")).text, ada.get(page("expiry"), {"period": "7000"}).text
    assert "Nothing to show" in empty
    assert f'href="{save}"' in empty
    assert save not in wrong


def sheet(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return book.read("xl/worksheets/sheet1.xml").decode()


def test_what_ends_is_a_bar_for_each_month_and_leads_to_its_certificates(company: Company) -> None:
    for name in ("wes", "will"):
        holder(company, name)
    browser = signed_in(company.ada)

    shown = browser.get(page("expiry"))

    (bar,) = shown.context["chart"].bars
    (part,) = bar.parts
    assert (bar.total, part.number) == (2, 2)
    assert f"{timezone.localtime(timezone.now() + ENDS):%B %Y}" == bar.label
    assert part.url.replace("&", "&amp;") in shown.text
    assert browser.get(part.url).context["paginator"].count == 2
    assert browser.get(page("expiry"), {"unit": "Elsewhere"}).context["chart"] is None
    far = officer("fara", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere")
    assert read("expiry", far) == []


def test_a_report_is_taken_along_as_csv_and_as_xlsx(company: Company) -> None:
    holder(company, "wes")
    browser, export = signed_in(company.ada), reverse("console:report-export", args=["expiry"])
    month = f"{timezone.localtime(timezone.now() + ENDS):%Y-%m}"

    csv = browser.post(export, {"filters": "period=90", "format": "csv"})
    xlsx = browser.post(export, {"filters": "period=90", "format": "xlsx"})

    assert f"{month},VPN,1" in b"".join(csv).decode()  # type: ignore[arg-type]  # streamed
    cells = sheet(b"".join(xlsx))  # type: ignore[arg-type]  # streamed
    assert f"<t>{month}</t>" in cells
    assert re.search(r'<c r="C2"><v>1</v></c>', cells)
    assert 'filename="expiry-' in xlsx["Content-Disposition"]
    event = AuditEvent.objects.filter(name="list.exported").latest("pk")
    assert (event.facts["what"], event.facts["rows"]) == ("report", 1)
    assert event.facts["filters"] == {"report": "expiry", "period": "90"}
    assert browser.post(export, {"filters": "period=7"}).status_code == 302
    assert browser.get(page("expiry"), {"period": "7"}).status_code == 422


def test_a_workbook_has_no_formula_and_no_link(company: Company) -> None:
    for name in ("=1+1", "https://attacker.example/", "+1"):
        Person.objects.filter(pk=holder(company, f"p{len(name)}", unit=name).pk)
    browser = signed_in(company.ada)
    export = reverse("console:report-export", args=["tokens"])

    cells = sheet(b"".join(browser.post(export, {"format": "xlsx"})))  # type: ignore[arg-type]  # streamed

    assert "<t>=1+1</t>" in cells
    assert "<f>" not in cells
    assert "hyperlink" not in cells
    csv = b"".join(browser.post(export, {"format": "csv"})).decode()  # type: ignore[arg-type]  # streamed
    assert "'=1+1,VPN,1,1" in csv


def test_persons_by_unit_lead_to_the_search_for_them(company: Company) -> None:
    for name, unit in (("wes", "North"), ("will", "North"), ("sue", "South")):
        holder(company, name, unit=unit)
    browser = signed_in(company.ada)

    bars = {bar.label: bar for bar in browser.get(page("tokens")).context["chart"].bars}

    assert {label: bar.total for label, bar in bars.items()} == {"North": 2, "South": 1}
    (part,) = bars["North"].parts
    assert browser.get(part.url).context["paginator"].count == 2
    south = officer("sonja", Role.USER_ADMINISTRATOR, unit="South")
    assert [row["unit"] for row in read("tokens", south)] == ["South"]


def test_each_step_says_who_waits_in_it_and_how_long_it_took(company: Company) -> None:
    company.request_in("completed")
    waiting = company.request_in("requested")
    TokenRequest.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(days=10))
    TokenRequest.objects.exclude(pk=waiting.pk).update(
        decided_at=timezone.now() - timedelta(days=5), accepted_at=timezone.now() - timedelta(days=3)
    )
    browser = signed_in(company.ada)

    shown = browser.get(page("waiting")).context

    by_step = {cells[0].text: [cell.text for cell in cells[1:]] for cells in shown["rows"]}
    assert by_step["Waits for approval"][0] == "1"
    assert by_step["Waits for acceptance"][2:] == ["1", "2.0", "2.0"]
    (bar,) = shown["chart"].bars
    assert browser.get(bar.parts[0].url).context["paginator"].count == 1


def test_who_was_reminded_and_has_not_decided_is_late(company: Company) -> None:
    cast.approved(company.paul, company.request_in("requested"))
    waiting = cast.enabled(company.ada, cast.person("wes", sid=""), company.signature)
    late = cast.person("lars", sid="", roles=(Role.APPROVER,))
    now = timezone.now()
    AskedApprover.objects.create(
        request=waiting, round=1, approver=late, level="first", asked_at=now, waits_from=now, reminded_at=now
    )

    rows = {row["approver"]: row for row in read("approvals", company.ada)}

    first = read("approvals", company.ada)[0]
    assert (first["approver"], first["late"], first["waiting"]) == (late.display_name, 1, 0)
    decided = Approval.objects.get().approver.display_name
    assert (rows[decided]["approved"], rows[decided]["rejected"]) == (1, 0)
    far = officer("fara", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere")
    assert read("approvals", far) == []


def test_issuance_is_counted_by_authority_for_operators_without_a_person(company: Company) -> None:
    company.request_in("completed")
    cast.failed(cast.accepted(cast.enabled(company.ada, cast.person("wes", sid=""), company.vpn)))
    olga = officer("olga", Role.SYSTEM_ADMINISTRATOR)

    (row,) = read("issuance", olga)

    assert (row["issued"], row["refused"], row["parked"]) == (1, 1, 0)
    assert read("issuance", company.ada) == [row]
    assert signed_in(olga).get(page("issuance")).status_code == 200
    assert signed_in(olga).get(page("waiting")).status_code == 403


def test_mails_that_did_not_arrive_are_counted_by_domain(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    mails = OutgoingMail.objects.filter(token=token)[:1]
    OutgoingMail.objects.filter(pk__in=[mail.pk for mail in mails]).update(
        state=MailState.BOUNCED, fault="bounced", to_address="uma@Example.ORG"
    )
    DeliveryProblem.objects.create(
        token=token, mail=mails[0], kind="stripped", domain="example.org", opened_at=timezone.now()
    )

    (row,) = read("mails", company.ada)

    assert row == {"domain": "example.org", "refused": 0, "bounced": 1, "not_arrived": 0, "stripped": 1}
    assert read("mails", officer("fara", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere")) == []


def _faults_of_every_report(company: Company) -> None:
    """Something in each bar of the reports on approvals, issuance and mails."""
    token = company.request_in("completed").tokens.get()
    Certificate.objects.filter(token=token).update(not_after=timezone.now() + ENDS)
    cast.failed(cast.accepted(cast.enabled(company.ada, cast.person("wes", sid=""), company.vpn)))
    refused = cast.enabled(company.ada, cast.person("will", sid=""), company.signature)
    step2_approve.reject(
        actor=company.paul, request_id=refused.pk, snapshot_hash=refused.snapshot_hash, reason="Not needed."
    )
    cast.approved(company.paul, cast.enabled(company.ada, cast.person("walt", sid=""), company.signature))
    now = timezone.now()
    for name, reminded_at in (("sue", None), ("sid", now)):
        waiting = cast.enabled(company.ada, cast.person(name, sid=""), company.signature)
        AskedApprover.objects.filter(request=waiting).delete()
        AskedApprover.objects.create(
            request=waiting,
            round=1,
            approver=company.paul,
            level="first",
            asked_at=now,
            waits_from=now,
            reminded_at=reminded_at,
        )
    mails = list(OutgoingMail.objects.filter(person=token.person).order_by("pk")[:3])
    for mail, state in zip(mails, (MailState.FAILED, MailState.BOUNCED, MailState.SENT), strict=True):
        OutgoingMail.objects.filter(pk=mail.pk).update(
            state=state, fault="" if state == "sent" else "refused", to_address="uma@Example.ORG"
        )
    for kind in ("stripped", "not-arrived"):
        DeliveryProblem.objects.create(
            token=token,
            mail=mails[2],
            kind=kind,
            domain="example.org",
            opened_at=now,
            ended_at=now,
        )


@pytest.mark.parametrize("name", ["approvals", "issuance", "mails", "waiting", "expiry"])
def test_each_bar_is_the_search_of_what_it_counts(company: Company, name: str) -> None:
    _faults_of_every_report(company)
    browser, units = signed_in(company.ada), ("", company.uma.organisational_unit)

    for unit in units:
        chart = browser.get(page(name), {"unit": unit}).context["chart"]
        parts = [part for bar in chart.bars for part in bar.parts if part.number]
        assert parts
        for part in parts:
            assert part.url, part
            found = browser.get(part.url).context
            counted = found["page"].paginator.count if "page" in found else found["paginator"].count
            assert counted == part.number, part


def test_who_counts_more_than_they_read_has_no_search_behind_the_bars(company: Company) -> None:
    _faults_of_every_report(company)
    olga = officer("olga", Role.SYSTEM_ADMINISTRATOR)

    for name in ("issuance", "mails"):
        chart = signed_in(olga).get(page(name)).context["chart"]
        assert not [part.url for bar in chart.bars for part in bar.parts if part.url], name


def test_every_report_takes_as_many_statements_for_many_rows_as_for_few(company: Company) -> None:
    ada = _reads_everything(company)
    holder(company, "one", unit="A")
    cast.approved(company.paul, cast.enabled(company.ada, cast.person("sue", sid=""), company.signature))
    few = {name: _statements(ada, name) for name in REPORTS}
    for number in range(3):
        holder(company, f"more{number}", unit=f"B{number}")
    company.request_in("requested")
    company.request_in("failed")
    cast.approved(company.paul, cast.enabled(company.ada, cast.person("wes", sid=""), company.signature))
    _recovery_certificate("one")

    many = {name: _statements(ada, name) for name in REPORTS}

    assert many == few
    assert max(many.values()) <= 4


def _statements(actor: Person, name: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        list(REPORTS[name].read(Asked(actor, days=90, person_kind="employee")))
    return len(queries)


def _reads_everything(company: Company) -> Person:
    """ada, as an Auditor too."""
    RoleAssignment.objects.create(person=company.ada, role=Role.AUDITOR)
    return Person.objects.prefetch_related("roles").get(pk=company.ada.pk)


def _recovery_certificate(name: str) -> RecoveryCertificate:
    return RecoveryCertificate.objects.create(
        kind=RecoveryKeyKind.ONLINE,
        name=name,
        fingerprint=name,
        transport=TRANSPORTS[0],
        not_after=timezone.now() + ENDS,
    )


def test_each_role_sees_its_reports_and_opens_no_other(company: Company) -> None:
    may = {
        Role.REGISTRATION_OFFICER: {"expiry", "tokens"},
        Role.SYSTEM_ADMINISTRATOR: {"issuance", "mails", "drills"},
        Role.APPROVER: {"expiry", "waiting", "approvals", "issuance"},
    }
    for role, names in may.items():
        browser = signed_in(officer(f"o-{role}", role))
        listed = browser.get(LIST).text
        for name in REPORTS:
            assert (f'href="{page(name)}"' in listed) == (name in names), (role, name)
            assert browser.get(page(name)).status_code == (200 if name in names else 403), (role, name)
    limited = officer("limited", Role.RECOVERY_OFFICER, unit="North")
    assert signed_in(limited).get(page("drills")).status_code == 403
    assert signed_in(company.ada).get(page("no-such")).status_code == 404


def _saved(browser: Client, **fields: str) -> SavedSearch:
    form = {"name": "What ends in the North", "mailing": "weekly"} | fields
    answer = browser.post(f"{reverse('console:report-save', args=['expiry'])}?period=90&unit=North", form)
    assert answer.status_code == 302, answer.text
    return SavedSearch.objects.get(name=form["name"])


def test_a_saved_report_opens_with_its_filters_and_belongs_to_its_officer(company: Company) -> None:
    browser = signed_in(company.ada)
    saved = _saved(browser)

    link = reverse("console:saved-report", args=[saved.pk])
    assert browser.get(link)["Location"] == f"{page('expiry')}?period=90&unit=North"
    assert "What ends in the North" in browser.get(LIST).text
    assert "What ends in the North" not in browser.get(reverse("console:start")).text
    assert signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR)).get(link).status_code == 404
    again = browser.post(reverse("console:report-save", args=["expiry"]), {"name": saved.name})
    assert again.status_code == 422
    gone = browser.post(reverse("console:saved-search-delete", args=[saved.pk]))
    assert gone["Location"] == LIST
    assert not SavedSearch.objects.exists()


def test_a_link_is_mailed_on_mondays_and_says_nothing_of_persons(company: Company) -> None:
    with time_machine.travel(datetime(2030, 5, 1, 12, tzinfo=UTC)):  # a Wednesday
        saved = _saved(signed_in(company.ada), name="Paul Weber's tokens")
        assert saved_searches.mail_due_links() == 0
    with time_machine.travel(datetime(2030, 5, 6, 12, tzinfo=UTC)):
        assert saved_searches.mail_due_links() == 1
        assert saved_searches.mail_due_links() == 0
    mail = OutgoingMail.objects.get(message="report_link")
    assert reverse("console:saved-report", args=[saved.pk]) in mail.body_text
    assert "Weber" not in mail.subject + mail.body_text + mail.body_html
    assert "North" not in mail.body_text
    saved.refresh_from_db()
    assert saved.mail_due_at
    assert timezone.localdate(saved.mail_due_at, company.ada.zone).isoformat() == "2030-05-13"

    company.ada.roles.all().delete()
    with time_machine.travel(datetime(2030, 5, 13, 12, tzinfo=UTC)):
        assert saved_searches.mail_due_links() == 0
    assert OutgoingMail.objects.filter(message="report_link").count() == 1


def test_a_link_is_mailed_no_more_once_its_officer_says_so(company: Company) -> None:
    browser = signed_in(company.ada)
    saved = _saved(browser, mailing="monthly")
    assert saved.mail_due_at is not None

    browser.post(reverse("console:saved-report-mail", args=[saved.pk]), {"mailing": ""})

    saved.refresh_from_db()
    assert (saved.mailing, saved.mail_due_at) == ("", None)
