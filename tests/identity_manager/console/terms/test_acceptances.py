"""**Acceptance of terms**: who has accepted, who waits, who is late; its file; OPEN TASKS; whose units."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import AuditEvent, Person, Role, TermsDocument, TermsNotice, TermsVersion
from identity_manager.workflow.terms import accept_again, ask_again
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
PAGE = reverse("console:terms-acceptances")
EXPORT = reverse("console:terms-acceptances-export")
DAYS = 10


def _holder(company: Company, name: str) -> Person:
    person = cast.person(name)
    request = cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
    cast.noted(cast.delivered(request).tokens.get())
    return person


@pytest.fixture
def version(company: Company) -> TermsVersion:
    """uma has accepted version 2, will and wes are asked."""
    company.request_in("completed")
    for name in ("will", "wes"):
        _holder(company, name)
    version = cast.publish_terms(TermsDocument.objects.get())
    version.accept_again_by = timezone.localdate() + timedelta(days=DAYS)
    version.save()
    for person in Person.objects.filter(tokens__isnull=False):
        ask_again.check(version, person.pk)
    notice = TermsNotice.objects.get(person=company.uma)
    accept_again.accept(actor=company.uma, notice_id=notice.pk, text_id=version.text_in("en").pk)
    wes = TermsNotice.objects.get(person__personnel_number="P-wes")
    wes.due_at = timezone.now() - timedelta(hours=1)
    wes.save()
    return version


def numbers(browser: Client, **asked: object) -> set[str]:
    """Whom the page shows, by personnel number."""
    html = browser.get(PAGE, asked).text
    return {name for name in ("uma", "will", "wes", "sam") if f"P-{name}" in html}


def test_the_page_tells_who_has_accepted_who_waits_and_who_is_late(
    company: Company, version: TermsVersion
) -> None:
    browser = signed_in(company.ada)
    assert numbers(browser) == {"uma", "will", "wes"}
    assert numbers(browser, state="accepted") == {"uma"}
    assert numbers(browser, state="waiting") == {"will"}
    assert numbers(browser, state="late", version=version.pk) == {"wes"}
    first = TermsVersion.objects.get(number=1)
    assert numbers(browser, version=first.pk) == {"uma", "will", "wes"}
    assert browser.get(PAGE, {"state": "nonsense"}).status_code == 422
    assert browser.get(PAGE, {"version": "nonsense"}).status_code == 422


def test_the_file_has_what_the_filters_find_and_is_recorded(company: Company, version: TermsVersion) -> None:
    response = signed_in(company.ada).post(EXPORT, {"filters": "state=late"})
    lines = b"".join(response).decode().splitlines()  # type: ignore[arg-type]  # a streaming response
    assert len(lines) == 2
    assert "P-wes" in lines[1]
    assert "is late" in lines[1]
    event = AuditEvent.objects.get(name=audit.Event.LIST_EXPORTED)
    assert (event.facts["what"], event.facts["rows"]) == ("terms-acceptance", 1)


def test_open_tasks_and_start_lead_to_who_is_late(company: Company, version: TermsVersion) -> None:
    browser = signed_in(company.ada)
    tasks = browser.get(reverse("console:approvals")).text
    assert "P-wes" in tasks
    assert "P-will" not in tasks
    assert "person has not accepted the new terms in time" in browser.get(reverse("console:start")).text


def test_an_officer_of_another_unit_sees_nobody(company: Company, version: TermsVersion) -> None:
    browser = signed_in(officer("far", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere"))
    assert numbers(browser) == set()
    assert "P-wes" not in browser.get(reverse("console:approvals")).text


def test_when_the_time_ends_who_waits_is_late(company: Company, version: TermsVersion) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=DAYS + 2)):
        assert numbers(signed_in(company.ada), state="late") == {"will", "wes"}
