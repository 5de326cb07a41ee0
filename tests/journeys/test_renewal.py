"""A token is renewed: the mail, Open Tasks, the new file and passphrase, and the end of the old one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from identity_manager.jobs import schedule, sweep
from identity_manager.mail.mailbox import StoredMessage
from identity_manager.models import (
    ApprovalPolicy,
    Certificate,
    Person,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from tests.journeys.office import Office, delivered_files, links_in, mails_to
from tests.tools import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]


@contextmanager
def days_before_the_end(office: Office, days: float) -> Iterator[None]:
    """The clock is moved, uma and ada sign in again, and beat has run."""
    end = Certificate.objects.order_by("created_at")[0].not_after
    assert end is not None
    with time_machine.travel(end - timedelta(days=days)):
        for name in ("renewals.expiry_check", "renewals.replace_superseded"):
            job = schedule.named(name)
            assert job is not None
            job.run()
        sweep.sweep()
        company = office.company
        office.uma, office.ada = office._signed_in(company.uma), office._signed_in(company.ada)
        yield


def subject_of(mail: StoredMessage) -> str:
    return str(mail.message["Subject"])


@pytest.fixture
def token(office: Office) -> SoftwareToken:
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    return SoftwareToken.objects.get()


def test_from_the_mail_to_the_end_of_the_old_one(office: Office, token: SoftwareToken) -> None:
    with days_before_the_end(office, 59):
        mail = mails_to("uma@example.com")[0]
        assert "ends on" in subject_of(mail)
        assert any(link.endswith(f"/my/tokens/{token.pk}/renew/") for link in links_in(mail))
        assert "Renew VPN" in office.uma.open("/my/open-tasks/").text
        assert "Renew software token" in office.uma.open("/my/").text

        page = office.uma.open(f"/my/tokens/{token.pk}/renew/")
        assert "Your data are the same as at the last issue." in page.text
        office.uma.press("Renew")
        request = TokenRequest.objects.get(kind="renewal")
        assert len(delivered_files("uma@example.com")) == 2
        assert "Renew VPN" not in office.uma.open("/my/open-tasks/").text
        office.show_passphrase(request)
        office.note_passphrase()
        assert SoftwareToken.objects.get(predecessor=token).state == "active"
        token.refresh_from_db()
        assert token.state == "active", "the old one goes on"

    with days_before_the_end(office, 51):
        token.refresh_from_db()
        assert token.state == "replaced"
        assert Certificate.objects.get(token=token).state == "revoked"
        assert "A newer one has taken its place." in office.uma.open("/my/certificates/").text
        assert "replaced by its renewal" in office.ada.open(f"/requests/{token.request_id}/").text


def test_not_needed(office: Office, token: SoftwareToken) -> None:
    with days_before_the_end(office, 59):
        office.uma.open(f"/my/tokens/{token.pk}/renew/")
        office.uma.follow("Not needed")
        assert office.uma.press("Not needed", reason="").status == 422
        office.uma.press("Not needed", reason="I have left the project.")
        assert "Renew VPN" not in office.uma.page.text
    with days_before_the_end(office, 3):
        assert len([mail for mail in mails_to("uma@example.com") if "ends on" in subject_of(mail)]) == 1


def test_data_that_changed_are_shown_and_approved_again(office: Office, token: SoftwareToken) -> None:
    TokenType.objects.update(approval=ApprovalPolicy.ALWAYS)
    Person.objects.filter(pk=office.company.uma.pk).update(department="Harbour")
    with days_before_the_end(office, 40):
        page = office.uma.open(f"/my/tokens/{token.pk}/renew/")
        assert "What changes" in page.text
        assert "Harbour" in page.text
        office.uma.press("Renew")
        request = TokenRequest.objects.get(kind="renewal")
        assert request.state == "requested"
        office.__dict__.pop("paul", None)
        shown = office.paul.open(f"/requests/{request.pk}/").text
        assert "At the last issue" in shown
        assert "Harbour" in shown
        office.approve(request)
        office.accept(request)
    assert SoftwareToken.objects.get(predecessor=token).state == "sealed"


def test_a_holder_changes(office: Office, token: SoftwareToken) -> None:
    """The officer is told with old beside new, leaves it once, and renews it at the next change."""
    job = schedule.named("tokens.notice_holder_changes")
    assert job is not None
    for name, answer in (("Uma Berg", "Leave as it is"), ("Uma Tal", "Renew")):
        person = Person.objects.get(pk=token.person_id)
        person.display_name = name
        person.save()
        job.run()
        assert "says of its person what is not so any more" in office.ada.open("/").text
        assert "Software tokens whose person has changed" in office.ada.open("/open-tasks/").text
        office.ada.follow("Decide")
        assert name in office.ada.page.text
        if answer == "Renew":
            office.ada.follow("Renew")
            office.ada.press("Next")
        else:
            assert office.ada.press(answer, reason="").status == 422
            office.ada.press(answer, reason="Her old name stays on this one.")
        assert "whose person has changed" not in office.ada.open("/open-tasks/").text
    request = TokenRequest.objects.get(kind="renewal")
    assert "Uma Tal" in office.ada.open(f"/requests/{request.pk}/").text
    office.accept(request)
    assert SoftwareToken.objects.get(predecessor=token).state == "sealed"


def test_a_stale_form_opens_no_second_renewal(office: Office, token: SoftwareToken) -> None:
    with days_before_the_end(office, 40):
        office.uma.open(f"/my/tokens/{token.pk}/renew/")
        cast.asked(office.company.uma, token.token_type)
        page = office.uma.press("Renew")
        assert page.status == 409
        assert "not to be renewed now" in page.text
    assert TokenRequest.objects.filter(kind="renewal").count() == 1


def test_before_the_window_the_page_says_from_when(office: Office, token: SoftwareToken) -> None:
    page = office.uma.open(f"/my/tokens/{token.pk}/renew/")
    assert "You can renew it from" in page.text
    assert timezone.now().year + 1 <= int(page.text.split("renew it from")[1].split(" on.")[0].split()[-1])
