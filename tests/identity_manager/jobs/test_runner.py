"""Jobs on schedule: due ones run once, a failure is shown and goes by, an administrator can start one."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ca_bridge.errors import CaError
from identity_manager.audit import Event
from identity_manager.jobs import runner as jobs
from identity_manager.jobs import schedule
from identity_manager.jobs.schedule import Job
from identity_manager.models import AuditEvent, JobRun, Role
from identity_manager.models.operation.job_run import JobRunQuerySet
from identity_manager.transactions.refusals import NotAllowed, Stale
from tests.journeys import office
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
HOUR = timedelta(hours=1)
MAIN = datetime.fromisoformat("2030-01-01T12:00:00+00:00")


class Counted:
    """A job's work that counts how often it was done."""

    def __init__(self, answer: int | str | Exception = 3) -> None:
        self.answer, self.times = answer, 0

    def __call__(self) -> int | str:
        self.times += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def only(monkeypatch: pytest.MonkeyPatch, work: Callable[[], int | str], every: timedelta = HOUR) -> JobRun:
    """The installation has this one job; returns its row."""
    monkeypatch.setattr(schedule, "JOBS", (Job("test.job", "For tests", every, work),))
    return jobs.row_of("test.job")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with time_machine.travel(MAIN, tick=False) as traveller:
        monkeypatch.setattr(JobRunQuerySet, "clock_of_database", lambda _rows: timezone.now())
        yield traveller


@pytest.fixture
def worker() -> Iterator[None]:
    """What is published runs right then."""
    with office.worker(at_once=True):
        yield


def fresh(row: JobRun) -> JobRun:
    return JobRun.objects.get(pk=row.pk)


def test_a_new_job_gets_its_row_by_itself_and_is_due(monkeypatch: pytest.MonkeyPatch, worker: None) -> None:
    work = Counted()
    monkeypatch.setattr(schedule, "JOBS", (Job("test.new", "New", HOUR, work),))
    assert jobs.tick() == 1
    assert work.times == 1
    assert JobRun.objects.get().name == "test.new"


def test_a_run_leaves_its_outcome_and_the_next_time(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    row = only(monkeypatch, Counted(3))
    assert jobs.run(run_id=row.pk)
    row = fresh(row)
    assert (row.outcome, row.result, row.last_error) == ("ok", "3", "")
    assert row.next_attempt_at == MAIN + HOUR
    assert row.finished_at == MAIN
    assert row.took == timedelta()
    assert row.leased_until is None


def test_what_is_not_due_does_not_run(monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None) -> None:
    work = Counted()
    row = only(monkeypatch, work)
    jobs.tick()
    assert jobs.tick() == 0
    assert not jobs.run(run_id=row.pk)
    clock.move_to(MAIN + HOUR)
    assert jobs.tick() == 1
    assert work.times == 2


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (ValueError("no such column"), "ValueError: no such column"),
        (CaError("The CA does not answer.", "no route to host"), "The CA does not answer. no route to host"),
    ],
)
def test_a_failure_is_shown_and_the_job_goes_on_next_time(
    monkeypatch: pytest.MonkeyPatch, clock: Any, trouble: Exception, words: str
) -> None:
    work = Counted(trouble)
    row = only(monkeypatch, work)
    assert jobs.run(run_id=row.pk)
    assert (fresh(row).outcome, fresh(row).last_error, fresh(row).last_error_at) == ("failed", words, MAIN)

    work.answer = "nothing to do"
    clock.move_to(MAIN + HOUR)
    assert jobs.run(run_id=row.pk)
    assert (fresh(row).outcome, fresh(row).result, fresh(row).last_error) == ("ok", "nothing to do", "")


def test_one_failing_job_does_not_keep_the_others_from_running(
    monkeypatch: pytest.MonkeyPatch, worker: None
) -> None:
    good = Counted()
    bad = Job("test.bad", "Bad", HOUR, Counted(RuntimeError("x")))
    monkeypatch.setattr(schedule, "JOBS", (bad, Job("test.good", "Good", HOUR, good)))
    assert jobs.tick() == 2
    assert good.times == 1


def test_a_job_keeps_its_beat(monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None) -> None:
    """A tick comes a little early or late: a job of every five seconds still runs every five seconds."""
    work = Counted()
    only(monkeypatch, work, timedelta(seconds=5))
    for second in (0.0, 4.98, 10.03, 15.2, 19.99):
        clock.move_to(MAIN + timedelta(seconds=second))
        jobs.tick()
    assert work.times == 5


def test_two_beats_do_no_harm(monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None) -> None:
    work = Counted()
    only(monkeypatch, work, timedelta(seconds=5))
    for second in (0.0, 2.5, 5.0, 7.5, 10.0, 12.5):
        clock.move_to(MAIN + timedelta(seconds=second))
        jobs.tick()
    assert work.times == 3


def test_a_tick_and_a_run_ask_the_database_seldom(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    """An idle installation does little else."""
    monkeypatch.setattr(schedule, "JOBS", (Job("quick", "", timedelta(seconds=5), lambda: 0),))
    row = jobs.row_of("quick")
    monkeypatch.setattr(jobs.queue, "publish", lambda *_: None)
    with CaptureQueriesContext(connection) as ticking:
        assert jobs.tick() == 1
    with CaptureQueriesContext(connection) as running:
        assert jobs.run(run_id=row.pk)
    sql = [each["sql"] for each in running if not each["sql"].startswith(("BEGIN", "SAVEPOINT", "RELEASE"))]
    assert (len(ticking), len(sql)) == (1, 4), "the claim, its row, when it began, the outcome"


def test_what_was_missed_is_done_once(monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None) -> None:
    work = Counted()
    row = only(monkeypatch, work)
    jobs.tick()
    clock.move_to(MAIN + HOUR * 9.5)
    jobs.tick()
    assert jobs.tick() == 0
    assert work.times == 2
    assert fresh(row).next_attempt_at == MAIN + HOUR * 10


def test_a_run_that_was_cut_off_runs_again(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    work = Counted()
    row = only(monkeypatch, work)
    assert JobRun.objects.claim(row.pk, now=MAIN)
    assert fresh(row).is_leased(MAIN)
    assert not jobs.run(run_id=row.pk)
    later = MAIN + timedelta(seconds=settings.LEASE_SECONDS)
    clock.move_to(later)
    assert fresh(row).was_cut_off(later)
    assert jobs.run(run_id=row.pk)
    assert work.times == 1


def test_a_job_may_have_a_lease_of_its_own(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    """A worker that is killed in the sweep must not keep the others from it for minutes."""
    row = only(monkeypatch, Counted())
    seen = []

    def killed() -> str:
        seen.append(fresh(row).leased_until)
        return ""

    short = Job("test.job", "For tests", HOUR, killed, lease=timedelta(seconds=30))
    monkeypatch.setattr(schedule, "JOBS", (short,))
    jobs.run(run_id=row.pk)
    assert seen == [MAIN + timedelta(seconds=30)]


def test_who_lost_the_lease_settles_nothing(monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    """A run takes longer than its lease; meanwhile another worker has taken the job."""
    row = only(monkeypatch, Counted())

    def slow() -> str:
        clock.move_to(MAIN + timedelta(seconds=settings.LEASE_SECONDS + 1))
        assert JobRun.objects.claim(row.pk, now=timezone.now())
        return "too late"

    only(monkeypatch, slow)
    jobs.run(run_id=row.pk)
    assert fresh(row).outcome == ""
    assert fresh(row).is_leased(timezone.now())


@pytest.mark.django_db(transaction=True)
def test_ten_workers_run_a_job_once(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Counted()
    row = only(monkeypatch, work)
    start = threading.Barrier(10)

    def one() -> None:
        start.wait()
        jobs.run(run_id=row.pk)
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert work.times == 1


# --- Run now ---------------------------------------------------------------------------------------
def test_start_once_runs_before_its_time_and_is_audited(
    monkeypatch: pytest.MonkeyPatch, worker: None, django_capture_on_commit_callbacks: Any
) -> None:
    work = Counted()
    only(monkeypatch, work)
    jobs.tick()
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    with django_capture_on_commit_callbacks(execute=True):
        jobs.start_once(actor=sven, name="test.job")
    assert work.times == 2
    event = AuditEvent.objects.get(name=Event.JOB_STARTED.value)
    assert (event.actor, event.facts) == (sven, {"job": "test.job"})


def test_start_once_needs_no_broker(monkeypatch: pytest.MonkeyPatch, worker: None) -> None:
    """The message is lost; the next tick finds the job due."""
    work = Counted()
    only(monkeypatch, work)
    jobs.tick()
    jobs.start_once(actor=cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)), name="test.job")
    assert jobs.tick() == 1
    assert work.times == 2


def test_a_running_job_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    row = only(monkeypatch, Counted())
    assert JobRun.objects.claim(row.pk, now=timezone.now())
    before = fresh(row).next_attempt_at
    with pytest.raises(Stale, match="running"):
        jobs.start_once(actor=cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,)), name="test.job")
    assert fresh(row).next_attempt_at == before
    assert not AuditEvent.objects.filter(name=Event.JOB_STARTED.value).exists()


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM_ADMINISTRATOR])
def test_nobody_else_starts_a_job(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    row = only(monkeypatch, Counted())
    with pytest.raises(NotAllowed):
        jobs.start_once(actor=cast.person("other", roles=(role,)), name="test.job")
    assert fresh(row).next_attempt_at == row.next_attempt_at
    assert not AuditEvent.objects.filter(name=Event.JOB_STARTED.value).exists()


def test_a_job_that_nobody_knows_is_not_started() -> None:
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    with pytest.raises(JobRun.DoesNotExist):
        jobs.start_once(actor=sven, name="no.such.job")


def test_the_sweep_is_soon_taken_over() -> None:
    sweep = schedule.named("queue.sweep")
    assert sweep is not None
    assert sweep.lease == timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)
def test_the_real_jobs_run(worker: None) -> None:
    assert jobs.tick() == len(schedule.JOBS)
    assert set(JobRun.objects.values_list("outcome", flat=True)) == {"ok"}
    assert len({job.name for job in schedule.JOBS}) == len(schedule.JOBS)


def test_the_beat_ticks_every_five_seconds_and_the_sealer_comes_each_second() -> None:
    assert [(entry["task"], entry["schedule"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()] == [
        (jobs.TICK, 5.0),
        ("audit.seal", 1.0),  # a second behind
    ]


def test_a_worker_whose_clock_was_far_ahead_stops_no_job(
    monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None, caplog: pytest.LogCaptureFixture
) -> None:
    work = Counted()
    row = only(monkeypatch, work, every=timedelta(seconds=5))
    clock.move_to(MAIN + timedelta(days=1))
    assert jobs.run(run_id=row.pk)
    clock.move_to(MAIN + timedelta(minutes=1))
    assert jobs.tick() == 1
    assert work.times == 2
    assert fresh(row).next_attempt_at == MAIN + timedelta(minutes=1, seconds=5)
    assert "a clock was ahead" in caplog.text


def test_nor_does_one_that_was_killed_while_it_had_the_job(
    monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None
) -> None:
    work = Counted()
    row = only(monkeypatch, work, every=timedelta(seconds=5))
    ahead = MAIN + timedelta(days=1)
    assert JobRun.objects.claim(row.pk, now=ahead) is not None
    clock.move_to(MAIN + timedelta(minutes=1))
    assert jobs.tick() == 1
    assert work.times == 1
    assert fresh(row).leased_until is None


def test_a_job_that_somebody_takes_meanwhile_is_theirs(
    monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None
) -> None:
    work = Counted()
    row = only(monkeypatch, work)
    JobRun.objects.filter(pk=row.pk).update(next_attempt_at=MAIN + timedelta(days=1))
    claim = uuid4()

    def taken_meanwhile(rows: JobRunQuerySet) -> datetime:
        JobRun.objects.filter(pk=row.pk).update(claim_id=claim, leased_until=MAIN + timedelta(minutes=5))
        return MAIN

    monkeypatch.setattr(JobRunQuerySet, "clock_of_database", taken_meanwhile)
    assert jobs.tick() == 0
    assert (fresh(row).claim_id, work.times) == (claim, 0)


def test_a_run_of_now_is_left_alone(monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None) -> None:
    work = Counted()
    row = only(monkeypatch, work)
    claim = JobRun.objects.claim(row.pk, now=MAIN + timedelta(minutes=9))
    assert claim is not None
    assert jobs.tick() == 0
    assert (fresh(row).claim_id, work.times) == (claim, 0)


@pytest.mark.database
def test_a_host_whose_clock_is_far_behind_has_no_job_run_at_each_tick(
    monkeypatch: pytest.MonkeyPatch, worker: None
) -> None:
    """It is not the others that are ahead, as the database knows."""
    work = Counted()
    row = only(monkeypatch, work)
    assert jobs.run(run_id=row.pk)
    planned = fresh(row).next_attempt_at
    with time_machine.travel(timezone.now() - timedelta(hours=2)):
        assert jobs.tick() == 0
    assert work.times == 1
    assert fresh(row).next_attempt_at == planned, "nor do the others run it early"


def test_clocks_that_differ_by_minutes_make_no_job_run_twice(
    monkeypatch: pytest.MonkeyPatch, clock: Any, worker: None
) -> None:
    work = Counted()
    row = only(monkeypatch, work)
    assert jobs.run(run_id=row.pk)
    clock.move_to(MAIN - timedelta(minutes=9))
    assert jobs.tick() == 0
    assert work.times == 1
