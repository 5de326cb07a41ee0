"""What would be lost: each encryption key, archived or not, who could recover it; on every page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override
from pytest_django import DjangoAssertNumQueries

from identity_manager.jobs import schedule
from identity_manager.models import (
    ArchivedKey,
    Certificate,
    OutgoingMail,
    Person,
    RecoveryKeyWrapping,
    Role,
    SoftwareToken,
)
from identity_manager.workflow.archive import loss
from identity_manager.workflow.archive.loss import Afterwards
from tests.identity_manager.console.visitors import officer
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]

NONE = "no copy of its key is archived"
OFFICERS = "Only Recovery Officers can recover it"
OWNER = "You can recover it yourself"


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


@pytest.fixture
def token(company: Company) -> Callable[..., SoftwareToken]:
    """uma's active token with a key that encrypts and one that signs in, archived or not."""

    def make(*, archived: bool) -> SoftwareToken:
        cast.profile("client")
        wanted = recovery.archiving_type(archive_key=archived, profiles=("encrypting", "client"))
        request = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, wanted)))
        return cast.noted(cast.delivered(request).tokens.get())

    return make


def said(token: SoftwareToken, afterwards: Afterwards = Afterwards.HERE, *, own: bool = False) -> str:
    (only,) = loss.of_tokens([token.pk], afterwards=afterwards, own=own)
    return str(only)


def test_a_key_that_is_not_archived_is_lost_with_the_file(token: Callable[..., SoftwareToken]) -> None:
    made = token(archived=False)
    for afterwards in Afterwards:
        assert NONE in said(made, afterwards)
    assert "Without your file" in said(made, own=True)


def test_officers_recover_what_was_sealed_for_them(
    token: Callable[..., SoftwareToken], staff: Officers
) -> None:
    recovery.in_force(staff)
    made = token(archived=True)
    assert OFFICERS in said(made)
    assert OFFICERS in said(made, Afterwards.AWAY)
    assert "Nobody can recover it afterwards" in said(made, Afterwards.ERASED)
    RecoveryKeyWrapping.objects.update(content=None, erased_at=timezone.now())
    assert "no recovery key is left" in said(made)


def test_an_online_key_serves_its_owner_alone(token: Callable[..., SoftwareToken], staff: Officers) -> None:
    recovery.online_in_force(staff)
    made = token(archived=True)
    assert OWNER in said(made, own=True)
    assert "Its owner can recover it, and nobody else" in said(made)
    assert "nobody can recover it while its owner cannot sign in" in said(made, Afterwards.AWAY)


def test_with_both_kinds_both_are_named(token: Callable[..., SoftwareToken], staff: Officers) -> None:
    recovery.in_force(staff)
    recovery.online_in_force(staff)
    made = token(archived=True)
    assert "Its owner can recover it, and Recovery Officers" in said(made)
    assert OFFICERS in said(made, Afterwards.AWAY)


def test_it_is_one_statement_without_an_envelope(
    token: Callable[..., SoftwareToken],
    staff: Officers,
    company: Company,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    recovery.in_force(staff)
    token(archived=True)
    with django_assert_num_queries(1) as asked:
        losses = [str(each) for each in loss.of_person(company.uma.pk, afterwards=Afterwards.AWAY)]
    assert len(losses) == 1
    columns = asked.captured_queries[0]["sql"].partition(" FROM ")[0]
    assert "wrapped" not in columns
    assert '"certificate"."certificate"' not in columns


# --- the pages and mails that say it ---------------------------------------------------------------
def test_the_pages_of_the_person_say_it(
    token: Callable[..., SoftwareToken], company: Company, staff: Officers
) -> None:
    recovery.in_force(staff)
    made = token(archived=True)
    end = timezone.now() + timedelta(days=20)
    Certificate.objects.filter(token=made).update(not_after=end)
    browser = signed_in(company.uma)
    for page in ("lock", "renew", "not-needed"):
        assert OFFICERS in browser.get(reverse(f"selfservice:{page}", args=[made.pk])).text, page
    ArchivedKey.objects.all().delete()
    for page in ("lock", "renew", "not-needed"):
        assert NONE in browser.get(reverse(f"selfservice:{page}", args=[made.pk])).text, page


def test_the_pages_of_officers_say_it(token: Callable[..., SoftwareToken], company: Company) -> None:
    made = token(archived=False)
    ada, rita = signed_in(company.ada), signed_in(company.rita)
    pages = [
        (ada, reverse("console:token-revoke", args=[made.pk])),
        (rita, reverse("console:person-deactivate", args=[company.uma.pk])),
        (rita, reverse("console:person-lock", args=[company.uma.pk])),
        (rita, reverse("console:person-erase", args=[company.uma.pk])),
    ]
    for browser, page in pages:
        assert NONE in browser.get(page).text, page
    assert NONE not in rita.get(reverse("console:person-activate", args=[company.uma.pk])).text


def test_the_mail_before_the_end_says_it_in_the_language_of_the_person(
    token: Callable[..., SoftwareToken], company: Company
) -> None:
    made = token(archived=False)
    end = timezone.now() + timedelta(days=20)
    Certificate.objects.filter(token=made).update(not_after=end)
    Person.objects.filter(pk=company.uma.pk).update(language="de")
    job = schedule.named("renewals.expiry_check")
    assert job is not None
    job.run()
    mail = OutgoingMail.objects.get(message="renewal_due")
    with override("de"):
        (only,) = loss.of_tokens([made.pk], own=True)
        german = str(only)
    assert NONE not in german
    assert german.partition(": ")[2] in mail.body_text
    assert german.partition(": ")[2] in mail.body_html


def test_an_erasure_names_the_day_on_which_the_last_copy_is_unreadable(
    token: Callable[..., SoftwareToken], company: Company, staff: Officers
) -> None:
    recovery.in_force(staff)
    token(archived=True)
    page = signed_in(company.rita).get(reverse("console:person-erase", args=[company.uma.pk])).text
    day = timezone.localdate() + timedelta(days=settings.BACKUP_KEPT_DAYS)
    assert "1 archived key is removed." in page
    assert date_format(day, "DATE_FORMAT") in page
    assert f"Backups are kept for {settings.BACKUP_KEPT_DAYS} days." in page


def test_an_import_that_locks_persons_says_how_many_keys_nobody_could_read(
    token: Callable[..., SoftwareToken], company: Company
) -> None:
    token(archived=False)
    browser: Client = signed_in(officer("reg", Role.REGISTRATION_OFFICER))
    uma = company.uma
    content = f"personnel_number,given_name,surname,state\nP-uma,{uma.given_name},{uma.surname},locked\n"
    response = browser.post(
        reverse("console:import-upload"),
        {"file": SimpleUploadedFile("persons.csv", content.encode())},
        follow=True,
    )
    assert "1 encryption key is not archived" in response.text
