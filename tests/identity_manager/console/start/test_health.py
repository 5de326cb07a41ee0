"""START of a System Administrator: how each part is that the role can act on, and where to act."""

import html
import shutil
from collections import namedtuple
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ca_bridge.connection import registry
from identity_manager.console.lists import remembered_counts
from identity_manager.console.start import installation
from identity_manager.console.start.health_line import HealthLine
from identity_manager.jobs import month_partitions, retention
from identity_manager.models import (
    CaCheck,
    DirectoryRun,
    DirectorySource,
    JobOutcome,
    JobRun,
    LastBackup,
    LiveProcess,
    OutgoingMail,
    ProcessKind,
    Role,
    Target,
    TokenType,
)
from identity_manager.ui.parts import Meaning
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
START = reverse("console:start")
FREE = namedtuple("Usage", ["free"])


@pytest.fixture
def olga(company: cast.Company) -> Client:
    return signed_in(officer("olga", Role.SYSTEM_ADMINISTRATOR))


def health(browser: Client) -> dict[str, HealthLine]:
    response = browser.get(START)
    lines = response.context["health"]
    for line in lines:
        if line.url:
            assert f'href="{line.url}"' in response.text
            assert browser.get(line.url).status_code == 200, line.url
        assert line.remedy in html.unescape(response.text)
    return {line.url.partition("?")[0] or line.title: line for line in lines}


def checked(*, ok: bool) -> None:
    for alias in registry.aliases():
        CaCheck.objects.update_or_create(
            alias=alias,
            defaults={"ok": ok, "detail": "", "took": timedelta(0), "checked_at": timezone.now()},
        )


MAILS, DIRECTORIES = reverse("console:outbox"), reverse("console:directories")
QUEUE, DISK = f"{reverse('console:jobs')}#queuesweep", "Disk of this host"
AUTHORITIES, JOBS = reverse("console:authorities"), reverse("console:jobs")
BACKUP = f"{JOBS}#backup"


def test_an_installation_that_is_new_says_what_is_not_known(olga: Client) -> None:
    found = health(olga)

    assert found[AUTHORITIES].word == "not tested yet"
    assert found[JOBS].word == "none has run yet"
    assert found[reverse("console:outbox")].word == "goes out"
    assert (found[QUEUE].word, found[QUEUE].meaning) == ("no worker takes work", Meaning.STOPPED)
    assert {AUTHORITIES, JOBS, BACKUP, QUEUE, DISK, "Version", MAILS, DIRECTORIES} == set(found)


def test_where_all_is_well_it_says_so_and_since_when(olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(ok=True)
    JobRun.objects.create(name="queue.sweep", outcome=JobOutcome.OK, finished_at=timezone.now())
    LastBackup.objects.create(made_at=timezone.now())
    LiveProcess.objects.create(kind=ProcessKind.WORKER, host="one")
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: FREE(2**40))

    found = health(olga)

    assert {line.meaning for line in found.values()} == {Meaning.DONE}
    assert f"{len(list(registry.aliases()))} answer" in found[AUTHORITIES].word


def test_what_is_wrong_is_red_and_leads_to_where_it_is_mended(olga: Client, company: cast.Company) -> None:
    checked(ok=False)
    JobRun.objects.create(name="queue.sweep", outcome=JobOutcome.FAILED, finished_at=timezone.now())
    LastBackup.objects.create(made_at=timezone.now(), failed_at=timezone.now(), error="disk full")
    company.request_in("awaiting_acceptance")
    mail = OutgoingMail.objects.order_by("pk").last()
    assert mail is not None
    OutgoingMail.objects.filter(pk=mail.pk).update(
        state="queued", last_error="451 try again", fault="passing"
    )

    found = health(olga)

    assert "not answer" in found[AUTHORITIES].word
    assert found[JOBS].word == "1 has failed"
    assert found[BACKUP].word == "has failed"
    assert found[reverse("console:outbox")].word == "1 mail is tried again"


def test_jobs_that_nobody_runs_are_told(olga: Client) -> None:
    then = timezone.now() - timedelta(minutes=11)
    JobRun.objects.create(name="queue.sweep", outcome=JobOutcome.OK, finished_at=then)

    assert health(olga)[JOBS].word == "nothing runs"


def test_drafts_wait_for_who_activates_them(olga: Client, company: cast.Company) -> None:
    TokenType.objects.create(code="new", name="New", terms=cast.terms(), kinds=["employee"])

    line = health(olga)[reverse("console:token-types")]

    assert line.word == "1 draft"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REGISTRATION_OFFICER, Role.TOKEN_ADMINISTRATOR])
def test_it_is_for_who_can_act_on_it(company: cast.Company, role: Role) -> None:
    assert signed_in(officer("otto", role)).get(START).context["health"] == []


def test_mail_that_the_server_refuses_leads_to_its_task(olga: Client, company: cast.Company) -> None:
    company.request_in("awaiting_acceptance")
    OutgoingMail.objects.update(state="queued", last_error="535 no", fault="configuration")

    line = health(olga)[f"{reverse('console:approvals')}#tasks-mails-held-up"]

    assert (line.meaning, "stand" in line.word) == (Meaning.STOPPED, True)
    assert 'id="tasks-mails-held-up"' in olga.get(line.url.partition("#")[0]).text


def test_a_directory_that_stopped_and_a_target_that_is_down_are_told_with_the_remedy(
    olga: Client, settings: Any
) -> None:
    settings.TARGETS = {"ad": object()}
    source = DirectorySource.objects.create(name=next(iter(settings.DIRECTORY_SOURCES)))
    DirectoryRun.objects.create(source=source, mode="full", state="stopped")
    Target.objects.create(name="ad", last_error="connection refused")
    lines = {line.title: line for line in olga.get(START).context["health"]}

    assert lines["Directories"].sentence == source.name
    assert lines["Targets of publication"].sentence == "ad: connection refused"
    assert all(lines[name].remedy for name in ("Directories", "Targets of publication"))
    DirectoryRun.objects.update(state="done")
    Target.objects.update(last_error="")
    caches[remembered_counts.CACHE].clear()
    lines = {line.title: line for line in olga.get(START).context["health"]}
    assert lines["Directories"].meaning == lines["Targets of publication"].meaning == Meaning.DONE


def test_a_full_disk_is_told(olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: FREE(2**20))

    line = health(olga)[DISK]

    assert (line.meaning, line.word) == (Meaning.STOPPED, "1 MiB are free")
    assert "Make room" in line.remedy


def test_what_is_due_at_an_authority_is_told(olga: Client) -> None:
    checked(ok=True)
    CaCheck.objects.filter(alias=next(iter(registry.aliases()))).update(needs=[["a need of tomorrow", None]])

    line = health(olga)[AUTHORITIES]

    assert (line.meaning, line.word) == (Meaning.WAITING, "1 thing is due")
    assert "a need of tomorrow" in line.sentence


def test_the_certificates_of_the_portals_are_told_as_the_job_found_them(olga: Client) -> None:
    name = installation.PORTAL_CERTIFICATES
    row = JobRun.objects.create(name=name, outcome=JobOutcome.OK, result="im.example 2031-01-01")
    assert health(olga)[f"{JOBS}#portalscertificates"].sentence == "im.example 2031-01-01"

    JobRun.objects.filter(pk=row.pk).update(outcome=JobOutcome.FAILED, last_error="Renew: im.example.")
    line = health(olga)[f"{JOBS}#portalscertificates"]
    assert (line.meaning, line.sentence) == (Meaning.STOPPED, "Renew: im.example.")


def test_rows_beyond_the_last_month_are_told_as_the_job_found_them(olga: Client) -> None:
    row = JobRun.objects.create(name=installation.MONTHS, outcome=JobOutcome.OK, result="events 2031-01-01")
    assert health(olga)[f"{JOBS}#databasemake_months"].meaning == Meaning.DONE

    JobRun.objects.filter(pk=row.pk).update(result=f"events 2031-01-01 ({month_partitions.BEYOND})")
    line = health(olga)[f"{JOBS}#databasemake_months"]
    assert (line.meaning, line.word) == (Meaning.WAITING, "rows lie beyond the last month")
    assert "A clock was ahead" in line.remedy


def test_retention_that_waits_for_a_wrong_clock_is_told_as_the_job_found_it(olga: Client) -> None:
    row = JobRun.objects.create(name=installation.RETENTION, outcome=JobOutcome.OK, result="20")
    assert f"{JOBS}#retentionaudit" not in health(olga)

    JobRun.objects.filter(pk=row.pk).update(result=f"{retention.WAITS} #7, which says 2036-01-01")
    line = health(olga)[f"{JOBS}#retentionaudit"]
    assert line.meaning == Meaning.WAITING
    assert "the clock was ahead" in line.word
    assert "#7" in line.sentence
