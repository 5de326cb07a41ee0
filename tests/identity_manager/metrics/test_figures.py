"""What the figures say of requests, orders, mails, due work and jobs; and that ended ones cost nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager import audit, task_names
from identity_manager.audit import heads, sealing
from identity_manager.jobs import runner as jobs
from identity_manager.mail import outbox
from identity_manager.metrics import figures, scraping
from identity_manager.models import (
    AuditEvent,
    AuditHead,
    AuditHeadExport,
    CaCheck,
    HeadKind,
    JobRun,
    LiveProcess,
    OutgoingMail,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow.revocation import hold
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


def scraped() -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels."""
    _content_type, text = scraping.exposition("")
    families = text_string_to_metric_families(text.decode())
    samples = (sample for family in families for sample in family.samples)
    return {
        (sample.name.removeprefix("identity_manager_"), tuple(sample.labels.values())): sample.value
        for sample in samples
    }


@pytest.fixture
def company() -> Company:
    return Company()


def test_requests_by_state_and_how_long_they_wait(company: Company) -> None:
    company.request_in("requested")
    TokenRequest.objects.update(created_at=timezone.now() - timedelta(hours=2))
    found = scraped()
    assert found["requests", ("requested",)] == 1
    assert found["requests", ("issuing",)] == 0
    assert found["request_oldest_seconds", ("requested",)] == pytest.approx(7200, abs=60)
    assert found["request_oldest_seconds", ("issuing",)] == 0


def test_what_is_issued_has_waited_since_it_was_accepted(company: Company) -> None:
    """Who took their time to accept raises no alarm."""
    company.request_in("issuing")
    now = timezone.now()
    TokenRequest.objects.update(created_at=now - timedelta(days=20), accepted_at=now - timedelta(minutes=5))
    assert scraped()["request_oldest_seconds", ("issuing",)] == pytest.approx(300, abs=60)


@pytest.mark.parametrize(
    ("state", "entered"),
    [
        ("requested", "round_started_at"),
        ("awaiting_acceptance", "decided_at"),
        ("failed", "accepted_at"),
        ("issued", "issued_at"),
    ],
)
def test_a_request_waits_since_it_came_into_its_state(company: Company, state: str, entered: str) -> None:
    """What went before, such as an approver on holiday, is not counted again."""
    company.request_in(state)
    now = timezone.now()
    before = dict.fromkeys(("created_at", "decided_at", "accepted_at"), now - timedelta(days=20))
    TokenRequest.objects.update(**{**before, entered: now - timedelta(minutes=5)})
    assert scraped()["request_oldest_seconds", (state,)] == pytest.approx(300, abs=60)


def test_each_state_that_is_waited_in_is_explained() -> None:
    (figure,) = (each for each in figures.FIGURES if each.name.endswith("request_oldest_seconds"))
    assert [state for state in figures.WAITING_SINCE if state.value not in figure.help] == []


def test_no_count_goes_beyond_its_bound(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("requested")
    monkeypatch.setattr(figures._count, "__kwdefaults__", {"most": 0})
    assert scraped()["requests", ("requested",)] == 0


def test_due_work_and_open_orders(company: Company) -> None:
    company.request_in("issuing")
    found = scraped()
    assert found["work_due", (task_names.ISSUE,)] >= 1
    assert found["work_due", ("mail.send",)] == OutgoingMail.objects.filter(state="queued").count()
    assert found["ca_orders", ("corporate", "unknown")] == 0
    assert {labels for name, labels in found if name == "ca_orders"} == {
        ("corporate", str(state)) for state in CaOrder.OPEN
    }


def test_surplus_that_has_ended_waits_for_nobody(company: Company) -> None:
    company.request_in("issued")
    row = {"order": CaOrder.objects.get(), "certificate": b"x", "reason": "wrong"}
    for name, days in (("ended", -1), ("counts", 1), ("unknown", None)):
        not_after = None if days is None else timezone.now() + timedelta(days=days)
        SurplusCertificate.objects.create(sha256_fingerprint=name, not_after=not_after, **row)
    assert scraped()["ca_surplus_certificates", ("corporate",)] == 2


def test_jobs_say_when_they_ran_last_and_whether_they_failed() -> None:
    row = jobs.row_of("ca.check")
    row.started_at = timezone.now()
    row.settle(now=timezone.now(), every=timedelta(minutes=5), error="broken")
    row.save()
    late = jobs.row_of("queue.sweep")
    JobRun.objects.filter(pk=late.pk).update(next_attempt_at=timezone.now() - timedelta(minutes=1))
    found = scraped()
    assert found["job_failed", ("ca.check",)] == 1
    assert found["job_last_run_timestamp_seconds", ("ca.check",)] == pytest.approx(
        timezone.now().timestamp(), abs=60
    )
    assert found["job_overdue_seconds", ("ca.check",)] == 0
    assert found["job_overdue_seconds", ("queue.sweep",)] == pytest.approx(60, abs=30)
    assert ("job_last_run_timestamp_seconds", ("queue.sweep",)) not in found


def test_how_far_the_audit_log_is_behind() -> None:
    event = audit.record(audit.Event.JOB_STARTED, actor=None, subject=None, job="a job")
    AuditEvent.objects.update(at=timezone.now() - timedelta(minutes=1))
    found = scraped()
    assert found["audit_unsealed_events", ()] == 1
    assert found["audit_seal_lag_seconds", ()] == pytest.approx(60, abs=30)

    sealing.seal()
    heads.sign()
    found = scraped()
    assert found["audit_unsealed_events", ()] == found["audit_seal_lag_seconds", ()] == 0
    assert found["audit_head_age_seconds", ()] == 0
    assert event.pk is not None


def test_no_head_was_ever_signed() -> None:
    """The workers lack the key that signs, from the first day on."""
    audit.record(audit.Event.JOB_STARTED, actor=None, subject=None, job="a job")
    AuditEvent.objects.update(at=timezone.now() - timedelta(hours=2))
    sealing.seal()
    assert scraped()["audit_head_age_seconds", ()] == pytest.approx(7200, abs=60)


@pytest.mark.parametrize(
    ("destination", "next_try", "behind"),
    [
        ("file:/nowhere/heads.jsonl", timedelta(minutes=30), 7),
        ("mailto:auditors@example.com", None, 0),  # the last mail is not an hour old
        ("file:/no/place/of/the/settings/any/more", timedelta(days=-3), 0),
    ],
)
def test_how_far_a_place_for_heads_is_behind(
    destination: str, next_try: timedelta | None, behind: int
) -> None:
    now = timezone.now()
    heads.make(7, "0" * 64, kind=HeadKind.HEAD)
    next_attempt_at = None if next_try is None else now + next_try
    AuditHeadExport.objects.create(destination=destination, next_attempt_at=next_attempt_at)
    assert scraped()["audit_head_export_lag_events", ("0",)] == behind


@pytest.mark.parametrize("next_try", [None, timedelta(days=-3)])
def test_no_worker_has_the_setting_for_heads_any_more(next_try: timedelta | None) -> None:
    """It grows from the last head that was carried, whatever became of the last try."""
    now = timezone.now()
    for number, days in ((3, 4), (5, 2), (7, 0)):
        heads.make(number, "0" * 64, kind=HeadKind.HEAD)
        AuditHead.objects.filter(number=number).update(signed_at=now - timedelta(days=days))
    AuditHeadExport.objects.create(
        destination="file:/srv/audit/heads.jsonl",
        number=3,
        exported_at=now - timedelta(days=4),
        next_attempt_at=None if next_try is None else now + next_try,
    )
    assert scraped()["audit_head_export_lag_events", ("0",)] == 4


def test_a_place_for_heads_that_another_has_taken_the_place_of_is_not_behind() -> None:
    now = timezone.now()
    heads.make(7, "0" * 64, kind=HeadKind.HEAD)
    AuditHead.objects.update(signed_at=now - timedelta(days=2))
    for number, place in enumerate(("file:/srv/former.jsonl", "file:/srv/heads.jsonl")):
        AuditHeadExport.objects.create(
            destination=place, number=7 * number, exported_at=now - timedelta(days=4 - 2 * number)
        )
    found = scraped()
    assert [found["audit_head_export_lag_events", (each,)] for each in "01"] == [0, 0]


def test_a_place_for_heads_that_the_settings_name_here_and_no_worker_knows(settings: Any) -> None:
    test_a_place_for_heads_that_another_has_taken_the_place_of_is_not_behind()
    settings.AUDIT_HEAD_EXPORT = ["file:/srv/former.jsonl"]
    found = scraped()
    assert [found["audit_head_export_lag_events", (each,)] for each in "01"] == [7, 0]


@pytest.mark.parametrize(("signed", "behind"), [(timedelta(minutes=70), 0), (timedelta(days=1), 7)])
def test_a_mailbox_has_its_head_once_an_hour(signed: timedelta, behind: int) -> None:
    """Be the last one as old as it may: what counts is how long the next one has waited."""
    heads.make(7, "0" * 64, kind=HeadKind.HEAD)
    AuditHead.objects.update(signed_at=timezone.now() - signed)
    AuditHeadExport.objects.create(
        destination="mailto:auditors@example.com", exported_at=timezone.now() - timedelta(days=9)
    )
    assert scraped()["audit_head_export_lag_events", ("0",)] == behind


def test_a_file_that_has_to_wait_is_no_mail_that_does_not_go_out(company: Company) -> None:
    company.request_in("issued")
    OutgoingMail.objects.exclude(token=None).update(created_at=timezone.now() - timedelta(hours=2))
    assert OutgoingMail.objects.filter(state="queued").exclude(container_format="").exists()
    assert scraped()["mail_oldest_seconds", ()] == pytest.approx(7200, abs=60)
    SoftwareToken.objects.update(state="on_hold")
    assert scraped()["mail_oldest_seconds", ()] < 60


def test_a_file_that_had_to_wait_counts_since_it_may_go(company: Company) -> None:
    """The mail about it has waited all the while, and goes on counting from when it was written."""
    request = company.request_in("issued")
    token = request.tokens.get()
    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="on a journey")
    for mails, days in ((OutgoingMail.objects.all(), 1), (token.mails.exclude(container_format=""), 60)):
        then = timezone.now() - timedelta(days=days)
        mails.update(created_at=then, next_attempt_at=then)
    hold.reinstate(actor=company.ada, token_id=token.pk)
    found = scraped()
    for name, labels in (("mail_oldest_seconds", ()), ("work_oldest_seconds", (task_names.SEND_MAIL,))):
        assert found[name, labels] == pytest.approx(86_400, abs=60)
    OutgoingMail.objects.filter(container_format="").update(state="sent")
    assert OutgoingMail.objects.queued().due(timezone.now()).exists()
    found = scraped()
    assert found["mail_oldest_seconds", ()] < 60
    assert found["work_oldest_seconds", (task_names.SEND_MAIL,)] < 60


def test_a_file_that_is_to_be_tried_later_is_tried_no_sooner_after_a_hold(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="on a journey")
    later = timezone.now() + timedelta(minutes=20)
    token.mails.exclude(container_format="").update(next_attempt_at=later)
    hold.reinstate(actor=company.ada, token_id=token.pk)
    assert token.mails.exclude(container_format="").get().next_attempt_at == later


def test_a_mail_that_had_failed_counts_since_it_is_tried_again(company: Company) -> None:
    company.request_in("requested")
    mails = OutgoingMail.objects.all()
    mails.update(state="failed", created_at=timezone.now() - timedelta(days=3))
    outbox.retry(mails[0])
    assert scraped()["mail_oldest_seconds", ()] < 60


def test_a_ca_that_did_not_answer() -> None:
    CaCheck.objects.create(
        alias="corporate", ok=False, detail="", took=timedelta(), checked_at=timezone.now()
    )
    assert scraped()["ca_up", ("corporate",)] == 0


def test_who_lives() -> None:
    now = timezone.now()
    LiveProcess.objects.create(kind="worker", host="a", seen_at=now)
    LiveProcess.objects.create(kind="worker", host="b", seen_at=now - timedelta(minutes=2))
    found = scraped()
    assert found["processes", ("worker",)] == 1
    assert found["processes", ("web",)] == 0


def test_the_clock_that_is_furthest_off_is_told_of_each_kind() -> None:
    """A process of the version before says nothing of its clock."""
    for kind, ahead in (("web", 1.0), ("web", -90.5), ("web", None), ("worker", 0.25)):
        LiveProcess.objects.create(kind=kind, host="a", clock_ahead=ahead)
    gone = timezone.now() - timedelta(minutes=2)
    LiveProcess.objects.create(kind="web", host="b", clock_ahead=400.0, seen_at=gone)
    found = scraped()
    assert found["clock_ahead_seconds", ("web",)] == -90.5
    assert found["clock_ahead_seconds", ("worker",)] == 0.25


def test_ended_requests_are_not_read(company: Company) -> None:
    """Each statement that counts requests or tokens names the states that it wants."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        scraped()
    of_requests = [
        each["sql"]
        for each in asked.captured_queries
        if 'FROM "identity_manager_tokenrequest"' in each["sql"]
    ]
    assert len(of_requests) == 2 * len(figures.WAITING_SINCE)
    assert all('"state" =' in sql for sql in of_requests)
    assert len(asked) <= 71


def test_every_figure_has_a_value_or_is_named_for_what_has_not_run_yet() -> None:
    """A figure without a sample cannot raise an alarm."""
    empty = {figure.name for figure in figures.FIGURES} - {
        f"identity_manager_{name}" for name, _labels in scraped()
    }
    assert empty == {
        "identity_manager_backup_age_seconds",
        "identity_manager_ca_up",
        "identity_manager_ca_checked_timestamp_seconds",
        "identity_manager_job_last_run_timestamp_seconds",
        "identity_manager_job_duration_seconds",
        "identity_manager_audit_head_export_lag_events",
    }
