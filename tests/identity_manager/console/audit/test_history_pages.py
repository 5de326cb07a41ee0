"""The pages of the audit log: who reads what, filters, export, check, evidence."""

import csv
import html
import io
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.test import Client
from django.utils import timezone

from identity_manager import audit, audit_proof
from identity_manager.audit import checks as audit_checks
from identity_manager.audit import evidence, heads, keys, sealing, verification
from identity_manager.console.audit import log as audit_log
from identity_manager.models import (
    AuditCheck,
    AuditEvent,
    OutgoingMail,
    Person,
    Role,
    TokenRequest,
)
from identity_manager.models.identifiers import first_id_of
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.long


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def request_of_uma(company: Company) -> TokenRequest:
    request = company.request_in("rejected")
    sealing.seal()
    heads.sign()
    return request


@pytest.fixture
def auditor(company: Company) -> Person:
    return cast.person("olga", roles=(Role.AUDITOR,), sid="")


def read(person: Person, address: str = "/history/") -> str:
    response = signed_in(person).get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_an_auditor_reads_everything_in_words(request_of_uma: TokenRequest, auditor: Person) -> None:
    audit.record(audit.Event.CATALOGUE_CHANGED, actor=None, subject=None, version=2)
    page = read(auditor)
    for words in ("Rejected", "not needed", "Uma Lindqvist", "Paul Weber", request_of_uma.reference):
        assert words in page
    assert "The catalogue was changed" in page
    assert "signed" in page
    assert "waits to be linked" in page


@pytest.mark.parametrize(
    ("role", "tab"),
    [
        (Role.AUDITOR, "/admin/"),
        (Role.TOKEN_ADMINISTRATOR, "/search/"),
        (Role.APPROVER, "/requests/"),
    ],
)
def test_the_log_stands_under_a_tab_that_the_officer_has(company: Company, role: Role, tab: str) -> None:
    page = read(cast.person("nora", roles=(role,), sid=""))
    assert f'<a class="tab" href="{tab}" aria-current="page">' in page


def test_officers_read_what_their_role_and_unit_reach(request_of_uma: TokenRequest, company: Company) -> None:
    audit.record(audit.Event.CATALOGUE_CHANGED, actor=None, subject=None)
    north = cast.person("nora", roles=(), sid="")
    north.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Nord")
    south = cast.person("sven", roles=(), sid="")
    south.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Sued")
    assert "Uma Lindqvist" in read(north)
    assert "The catalogue was changed" not in rows_of(read(north))
    assert "Nothing has happened yet" in read(south)


def test_a_system_administrator_reads_of_the_system_and_of_no_person(
    request_of_uma: TokenRequest, company: Company
) -> None:
    audit.record(audit.Event.CATALOGUE_CHANGED, actor=None, subject=None)
    page = read(cast.person("syd", roles=(Role.SYSTEM_ADMINISTRATOR,), sid=""))
    assert "The catalogue was changed" in page
    assert "Uma Lindqvist" not in page


def rows_of(page: str) -> str:
    return page[page.index("<tbody") :]


@pytest.mark.parametrize(
    ("query", "seen", "hidden"),
    [
        ("event=request.rejected", "not needed", "The request was opened"),
        ("who=paul", "not needed", "The request was opened"),
        ("about=uma", "not needed", "nothing of that kind"),
        ("q=not+needed", "not needed", "The request was opened"),
        ("request={reference}", "not needed", "nothing of that kind"),
    ],
)
def test_filters(request_of_uma: TokenRequest, auditor: Person, query: str, seen: str, hidden: str) -> None:
    page = read(auditor, f"/history/?{query.format(reference=request_of_uma.reference[:6].lower())}")
    body = page[page.index("<tbody") :]
    assert seen in body
    assert hidden not in body


@pytest.mark.parametrize(
    "query", ["about=sam", "since=2199-01-01", "until=1999-01-01", "q=%25", "request=ZZ"]
)
def test_filters_that_find_nothing_say_so(request_of_uma: TokenRequest, auditor: Person, query: str) -> None:
    assert "No such event" in read(auditor, f"/history/?{query}")


def words_of(day: int, words: str) -> AuditEvent:
    """An event of that day of March 2026, with these words in its details."""
    moment = datetime(2026, 3, day, 12, tzinfo=UTC)
    facts = {"reason": words}
    pk = uuid.UUID(int=first_id_of(moment).int + day)
    return AuditEvent.objects.create(pk=pk, name="request.rejected", at=moment, facts=facts)


def test_words_in_the_details_are_looked_for_a_part_at_a_time(
    auditor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "READ_FOR_WORDS", 3)
    for day in range(1, 8):
        words_of(day, "lost badge" if day in (2, 7) else "other")
    first = read(auditor, "/history/?q=lost+badge&event=request.rejected&page=1")
    assert rows_of(first).count("lost badge") == 1
    further = html.unescape(first.split('href="?')[1].split('"')[0])
    assert parse_qs(further) == {
        "q": ["lost badge"],
        "event": ["request.rejected"],
        "until": ["2026-03-05"],
    }

    assert "No such event" in (second := read(auditor, f"/history/?{further}"))
    assert "until=2026-03-03" in second
    last = read(auditor, f"/history/?{further.replace('03-05', '03-03')}")
    assert rows_of(last).count("lost badge") == 1
    assert "Read further back" not in last


@pytest.mark.parametrize(
    "query", ["", "event=request.rejected", "q=other&since=2026-03-06", "q=other&until=2026-03-03"]
)
def test_nothing_is_said_where_all_that_is_asked_for_is_read(
    auditor: Person, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(audit_log, "READ_FOR_WORDS", 3)
    for day in range(1, 8):
        words_of(day, "other")
    assert "Details are read" not in read(auditor, f"/history/?{query}")


def test_a_day_with_more_events_than_are_read_leads_nowhere_else(
    auditor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_log, "READ_FOR_WORDS", 3)
    for _ in range(7):
        AuditEvent.objects.create(name="request.rejected", facts={"reason": "other"})
    page = read(auditor, f"/history/?q=other&until={timezone.localdate()}")
    assert "Details are read" in page
    assert "Read further back" not in page


def test_the_export_reads_everything(auditor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_log, "READ_FOR_WORDS", 3)
    for day in range(1, 8):
        words_of(day, "lost badge" if day == 2 else "other")
    response = signed_in(auditor).post("/history/export/", {"filters": "q=lost+badge"})
    assert b"".join(response).decode().count("lost badge") == 1


def test_a_day_counts_whole(request_of_uma: TokenRequest, auditor: Person) -> None:
    today = timezone.localdate()
    assert "not needed" in read(auditor, f"/history/?since={today}&until={today}")


@pytest.mark.parametrize("query", ["since=tomorrow", "event=what", f"q={'x' * 300}"])
def test_a_wrong_filter_is_told_beside_it(auditor: Person, query: str) -> None:
    response = signed_in(auditor).get(f"/history/?{query}")
    assert response.status_code == 422
    assert "field-invalid" in response.content.decode() or "errorlist" in response.content.decode()


def test_the_export_holds_what_the_filters_find_and_is_audited(
    request_of_uma: TokenRequest, auditor: Person
) -> None:
    response = signed_in(auditor).post("/history/export/", {"filters": "event=request.rejected&who=paul"})
    rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[1][2:6] == ["request.rejected", "Rejected", "Paul Weber", "Uma Lindqvist"]
    event = AuditEvent.objects.get(name="list.exported")
    assert event.facts == {
        "what": "audit-event",
        "rows": 1,
        "filters": {"event": "request.rejected", "who": True},
    }


def test_a_click_has_the_log_checked_by_the_worker(request_of_uma: TokenRequest, auditor: Person) -> None:
    browser = signed_in(auditor)
    browser.post("/history/check/")
    browser.post("/history/check/")  # a second click asks for nothing more
    check = AuditCheck.objects.get()
    assert "The log is being checked" in browser.get("/history/check/").content.decode()

    audit_checks.carry_out(check_id=check.pk)

    page = browser.get("/history/check/").content.decode()
    assert "The log is as it was written" in page
    assert AuditEvent.objects.get(name="audit.checked").actor == auditor


def test_what_does_not_fit_is_shown(request_of_uma: TokenRequest, auditor: Person) -> None:
    AuditEvent.objects.filter(number=2).update(name="request.approved")
    audit_checks.carry_out(check_id=audit_checks.ask(actor=auditor).pk)
    page = read(auditor, "/history/check/")
    assert "The log does not fit together" in page
    assert "#2, request.approved" in page


def test_a_check_without_the_key_waits_and_says_why(
    request_of_uma: TokenRequest, auditor: Person, settings: object
) -> None:
    settings.AUDIT_KEYS = {}  # type: ignore[attr-defined]  # pytest-django's
    check = audit_checks.ask(actor=auditor)
    audit_checks.carry_out(check_id=check.pk)
    check.refresh_from_db()
    assert check.is_open
    assert "holds no key of AUDIT_KEYS" in read(auditor, "/history/check/")


def takes_too_long() -> None:
    raise SoftTimeLimitExceeded


def try_out(check: AuditCheck) -> None:
    """A worker whose time is over, once the check is due."""
    AuditCheck.objects.update(next_attempt_at=timezone.now())
    with pytest.raises(SoftTimeLimitExceeded):
        audit_checks.carry_out(check_id=check.pk)
    check.refresh_from_db()


def test_a_check_that_takes_too_long_is_given_up_and_says_what_to_do(
    request_of_uma: TokenRequest, auditor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    AuditEvent.objects.filter(number=2).update(name="request.approved")
    audit_checks.carry_out(check_id=audit_checks.ask(actor=auditor).pk)
    known = audit_log.findings()
    assert known
    check = audit_checks.ask(actor=auditor)
    with monkeypatch.context() as long_log:
        long_log.setattr(verification, "verify", takes_too_long)
        for _try in range(audit_checks.MOST_TRIES - 1):
            try_out(check)
            assert (check.is_open, check.claim_id, check.leased_until) == (True, None, None)
            assert check.next_attempt_at > timezone.now()
            assert "SoftTimeLimitExceeded" in read(auditor, "/history/check/")
        try_out(check)

    assert (check.is_given_up, check.is_sound, check.next_attempt_at, check.claim_id) == (
        True,
        False,
        None,
        None,
    )
    page = read(auditor, "/history/check/")
    assert "The log was not checked" in page
    assert "manage.py audit verify" in page.partition("given up")[2]
    assert "came to no end" in page
    assert "The log does not fit together" in page, "what an earlier check has found still stands"
    assert audit_log.findings() == known
    assert audit_checks.ask(actor=auditor).pk != check.pk, "another one may be asked for"


def test_tries_that_ended_with_their_worker_count_and_those_without_the_keys_do_not(
    request_of_uma: TokenRequest, auditor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = audit_checks.ask(actor=auditor)

    def without_the_keys() -> verification.VerificationReport:
        raise keys.NoKey("none")

    def never() -> verification.VerificationReport:
        raise AssertionError

    with monkeypatch.context() as keyless:
        keyless.setattr(verification, "verify", without_the_keys)
        for _try in range(2 * audit_checks.MOST_TRIES):
            AuditCheck.objects.update(next_attempt_at=timezone.now())
            audit_checks.carry_out(check_id=check.pk)
    check.refresh_from_db()
    assert (check.is_open, check.attempts) == (True, 0)

    AuditCheck.objects.update(next_attempt_at=timezone.now(), attempts=audit_checks.MOST_TRIES)
    monkeypatch.setattr(verification, "verify", never)
    audit_checks.carry_out(check_id=check.pk)
    check.refresh_from_db()
    assert (check.is_given_up, check.last_error) == (True, audit_checks.INTERRUPTED)


def test_a_log_that_takes_longer_to_read_than_a_lease_was_read_all_the_same(
    request_of_uma: TokenRequest, auditor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker has taken it up meanwhile; its own result comes too late then."""
    check, verify = audit_checks.ask(actor=auditor), verification.verify

    def slow() -> verification.VerificationReport:
        if not AuditCheck.objects.filter(attempts__gt=1).exists():
            AuditCheck.objects.update(claim_id=uuid.uuid4(), attempts=2)
        return verify()

    monkeypatch.setattr(verification, "verify", slow)
    audit_checks.carry_out(check_id=check.pk)
    check.refresh_from_db()
    assert (check.is_open, check.is_sound) == (False, True)
    assert AuditEvent.objects.filter(name="audit.checked").count() == 1


def test_evidence_is_proven_anywhere_with_the_public_key_alone(
    request_of_uma: TokenRequest, auditor: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = signed_in(auditor)
    taken = browser.post(f"/requests/{request_of_uma.pk}/evidence/")
    key = browser.get("/history/public-key.pem")
    (tmp_path / "evidence.json").write_bytes(taken.content)
    (tmp_path / "key.pem").write_bytes(key.content)
    arguments = [str(tmp_path / "evidence.json"), "--public-key", str(tmp_path / "key.pem")]

    assert audit_proof.main(arguments) == 0
    assert "events are proven by 1 signatures of the log" in capsys.readouterr().out
    assert AuditEvent.objects.get(name="audit.evidence-taken").actor == auditor


@pytest.mark.parametrize("place", ["content", "personal_facts", "path", "number", "heads"])
def test_evidence_that_was_changed_is_found(
    request_of_uma: TokenRequest, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evidence.of(AuditEvent.objects.filter(request=request_of_uma), subject="x")
    key = found["heads"][0]["public_key"]
    assert list(audit_proof.problems_of(json.loads(json.dumps(found)), [key])) == []
    event = next(each for each in found["events"] if each["personal_facts"])
    changes = {
        "content": lambda: event["content"].update(name="request.approved"),
        "personal_facts": lambda: event["personal_facts"].update(reason="he said yes"),
        "path": lambda: event["path"].append("0" * 64),
        "number": lambda: event.update(number=event["number"] + 1),
        "heads": lambda: found["heads"][0]["statement"].update(chain="0" * 64),
    }
    changes[place]()
    assert list(audit_proof.problems_of(found, [key]))


def test_evidence_counts_what_no_head_covers_yet(request_of_uma: TokenRequest, company: Company) -> None:
    audit.record(audit.Event.REQUEST_RETRIED, actor=company.ada, subject=request_of_uma)
    found = evidence.of(AuditEvent.objects.filter(request=request_of_uma), subject="x")
    assert found["not_covered_yet"] == 1


def test_only_auditors_take_evidence(request_of_uma: TokenRequest, company: Company) -> None:
    response = signed_in(company.ada).post(f"/requests/{request_of_uma.pk}/evidence/")
    assert response.status_code == 403
    assert not AuditEvent.objects.filter(name="audit.evidence-taken").exists()


def test_that_an_officer_was_refused_a_page_is_told(company: Company) -> None:
    signed_in(company.rita).get("/requests/?q=somebody")
    event = AuditEvent.objects.get(name="access.denied")
    assert (event.actor, event.facts) == (company.rita, {"path": "/requests/"})


@pytest.mark.database
def test_the_address_that_was_refused_may_be_anything(company: Company) -> None:
    """A zero byte in it was a fault of PostgreSQL, and so of the page."""
    response = signed_in(company.rita).get("/admin/mail-texts/%00%E2%80%AE/en/")
    assert response.status_code == 403
    event = AuditEvent.objects.get(name="access.denied")
    assert event.facts == {"path": "/admin/mail-texts/%00%E2%80%AE/en/"}


def test_of_others_it_is_not_told(company: Company) -> None:
    assert signed_in(company.uma).get("/requests/").status_code == 403
    Client().get("/requests/")
    assert not AuditEvent.objects.filter(name="access.denied").exists()


def test_each_event_has_words_and_no_mail_is_sent_by_looking(company: Company, auditor: Person) -> None:
    for event in audit.Event:
        audit.record(event, actor=company.ada, subject=company.uma)
    before = OutgoingMail.objects.count()
    assert "Uma Lindqvist" in read(auditor)
    assert OutgoingMail.objects.count() == before


def test_a_person_who_was_erased_is_told_as_that(company: Company, auditor: Person) -> None:
    audit.record(audit.Event.REQUEST_CREATED, actor=company.uma, subject=company.uma)
    AuditEvent.objects.update(actor=None, person=None)
    page = read(auditor)
    assert page.count("Somebody who was erased") == 2


@pytest.mark.parametrize(("name", "status"), [("rita", 403), ("ada", 200)])
def test_a_reference_leads_only_where_the_request_opens(
    request_of_uma: TokenRequest, company: Company, name: str, status: int
) -> None:
    page = f"/requests/{request_of_uma.pk}/"
    reader = signed_in(getattr(company, name))

    text = reader.get("/history/").text

    assert request_of_uma.reference in text
    assert (f'href="{page}"' in text) == (status == 200)
    assert reader.get(page).status_code == status


def test_an_auditor_takes_the_evidence_of_one_token(company: Company, auditor: Person) -> None:
    token = company.request_in("issued").tokens.get()
    browser, address = signed_in(auditor), f"/tokens/{token.pk}/evidence/"
    assert f'action="{address}"' in browser.get(f"/requests/{token.request_id}/").text

    taken = browser.post(address)

    assert taken.status_code == 200
    assert json.loads(taken.content)["subject"]


def test_nobody_else_is_offered_it(request_of_uma: TokenRequest, company: Company) -> None:
    assert "/evidence/" not in signed_in(company.ada).get(f"/requests/{request_of_uma.pk}/").text


def test_evidence_is_offered_only_of_what_the_log_knows(company: Company, auditor: Person) -> None:
    row = company.request_in("awaiting_acceptance")
    of_request, of_token = f"/requests/{row.pk}/evidence/", f"/tokens/{row.tokens.get().pk}/evidence/"
    browser = signed_in(auditor)
    page = browser.get(f"/requests/{row.pk}/").text
    assert of_request in page
    assert of_token not in page, "nothing has happened to it yet"

    cast.issued(cast.accepted(row))
    assert of_token in browser.get(f"/requests/{row.pk}/").text

    AuditEvent.objects.all().delete()  # after its time
    assert "/evidence/" not in browser.get(f"/requests/{row.pk}/").text
