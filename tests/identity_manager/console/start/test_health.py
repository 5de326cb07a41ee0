"""START of a System Administrator: how each part is that the role can act on, and where to act."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ca_bridge.connection import registry
from identity_manager.console.start.health import HealthLine
from identity_manager.models import (
    CaCheck,
    JobOutcome,
    JobRun,
    LastBackup,
    OutgoingMail,
    Role,
    TokenType,
)
from identity_manager.ui.parts import Meaning
from tests.identity_manager.console.visitors import officer, signed_in
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]
START = reverse("console:start")


@pytest.fixture
def olga(company: cast.Company) -> Client:
    return signed_in(officer("olga", Role.SYSTEM_ADMINISTRATOR))


def health(browser: Client) -> dict[str, HealthLine]:
    response = browser.get(START)
    lines = response.context["health"]
    for line in lines:
        assert f'href="{line.url}"' in response.text
        assert browser.get(line.url).status_code == 200, line.url
    return {line.url.partition("?")[0]: line for line in lines}


def checked(*, ok: bool) -> None:
    for alias in registry.aliases():
        CaCheck.objects.update_or_create(
            alias=alias,
            defaults={"ok": ok, "detail": "", "took": timedelta(0), "checked_at": timezone.now()},
        )


AUTHORITIES, JOBS = reverse("console:authorities"), reverse("console:jobs")
BACKUP = f"{JOBS}#backup"


def test_an_installation_that_is_new_says_what_is_not_known(olga: Client) -> None:
    found = health(olga)

    assert found[AUTHORITIES].word == "not tested yet"
    assert found[JOBS].word == "none has run yet"
    assert found[reverse("console:outbox")].word == "goes out"
    assert {AUTHORITIES, JOBS, BACKUP, reverse("console:outbox")} == set(found)


def test_where_all_is_well_it_says_so_and_since_when(olga: Client) -> None:
    checked(ok=True)
    JobRun.objects.create(name="queue.sweep", outcome=JobOutcome.OK, finished_at=timezone.now())
    LastBackup.objects.create(made_at=timezone.now())

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
