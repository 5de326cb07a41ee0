"""**Reports**: each with its chart, its table and its files; who reads what; saved, and mailed as a link."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.reports.registry import REPORTS
from identity_manager.console.reports.report import Asked
from identity_manager.models import (
    Approval,
    AskedApprover,
    AuditEvent,
    DeliveryProblem,
    MailState,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    SavedSearch,
    TokenRequest,
)
from identity_manager.people import saved_searches
from tests.identity_manager.console.reports.reported import ENDS, holder, page, read, recovery_certificate
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
LIST = reverse("console:reports")


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
    recovery_certificate("one")

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
