"""ADMIN, Jobs: what it shows, and **Run now**."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.administration import job_page
from identity_manager.jobs import runner as jobs
from identity_manager.jobs import schedule
from identity_manager.jobs.schedule import Job
from identity_manager.models import AuditEvent, JobRun, Role
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

JOBS = reverse("console:jobs")
SWEEP = reverse("console:job-start", args=["queue.sweep"])


def test_every_job_is_there_with_its_schedule(sven: Client) -> None:
    text = sven.get(JOBS).text
    for job in schedule.JOBS:
        assert job.name in text
        assert reverse("console:job-start", args=[job.name]) in text
    for words in ("every 5 seconds", "every minute", "every 5 minutes", "every hour", "never yet"):
        assert words in text


def test_a_job_that_has_never_run_is_due_now(sven: Client) -> None:
    JobRun.objects.all().delete()
    assert all(line.is_due for line in sven.get(JOBS).context["lines"])


def test_a_failure_stands_first_with_its_reason(sven: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise OSError("disk full")

    monkeypatch.setattr(schedule, "JOBS", (*schedule.JOBS, Job("test.bad", "Fails", timedelta(days=1), fail)))
    jobs.run(run_id=jobs.row_of("test.bad").pk)
    response = sven.get(JOBS)
    first = response.context["lines"][0]
    assert first.job.name == "test.bad"
    assert "OSError: disk full" in response.text
    assert "every day" in response.text
    assert job_page.failed_runs().count() == 1


def test_start_once_makes_it_due(sven: Client) -> None:
    jobs.run(run_id=jobs.row_of("queue.sweep").pk)
    response = sven.post(SWEEP, follow=True)
    assert "starts within five seconds" in response.text
    due = JobRun.objects.get(name="queue.sweep").next_attempt_at
    assert due is not None
    assert due <= timezone.now()
    (line,) = (line for line in response.context["lines"] if line.job.name == "queue.sweep")
    assert line.is_due
    assert '<td data-label="Next run">now</td>' in " ".join(response.text.split())


def test_a_running_job_is_refused_and_says_so(sven: Client) -> None:
    row = jobs.row_of("queue.sweep")
    assert JobRun.objects.claim(row.pk, now=timezone.now())
    before = AuditEvent.objects.count()
    response = sven.post(SWEEP)
    assert response.status_code == 409
    assert "running just now" in response.text
    assert AuditEvent.objects.count() == before
    assert f'action="{SWEEP}"' not in sven.get(JOBS).text


def test_the_page_says_when_nothing_runs(sven: Client) -> None:
    jobs.tick()
    assert "No job has run for a while" not in sven.get(JOBS).text
    JobRun.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=5))
    assert "No job has run for a while" in sven.get(JOBS).text


def test_an_auditor_reads_and_starts_nothing(otto: Client) -> None:
    assert "Run now" not in otto.get(JOBS).text
    assert otto.post(SWEEP).status_code == 403


@pytest.mark.parametrize("role", [Role.TOKEN_ADMINISTRATOR, Role.USER_ADMINISTRATOR, Role.APPROVER])
def test_others_see_nothing(company: cast.Company, role: Role) -> None:
    other = signed_in(officer("other", role))
    assert other.get(JOBS).status_code == 403
    assert other.post(SWEEP).status_code == 403


def test_a_get_starts_nothing_and_an_unknown_job_is_not_found(sven: Client) -> None:
    assert sven.get(SWEEP).status_code == 405
    assert sven.post(reverse("console:job-start", args=["no.such"])).status_code == 404


def test_admin_marks_the_present_section(sven: Client) -> None:
    text = sven.get(JOBS).text
    assert f'href="{JOBS}" aria-current="page"' in text
    assert reverse("console:token-types") in text
