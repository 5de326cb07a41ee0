"""Delivered and installed are told apart: what uma says of her devices, and what ada sees of it."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from identity_manager.jobs import schedule, sweep
from identity_manager.models import SoftwareToken, TokenType
from tests.journeys.office import Office, links_in, mails_to

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


@pytest.fixture
def token(office: Office) -> SoftwareToken:
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    return SoftwareToken.objects.get()


def test_after_noting_the_passphrase_the_person_says_where_it_is_installed(
    office: Office, token: SoftwareToken
) -> None:
    assert "Is it installed?" in office.uma.page.text
    assert "Not said to be installed" in office.uma.page.text
    search = "/search/?kind=certificate&installed="
    assert "P-uma" in office.ada.open(f"{search}no").text
    assert office.uma.press("I have installed it").status == 422
    assert "Choose on which device" in office.uma.page.text
    office.uma.press("I have installed it", device="macos")
    office.uma.press("I have installed it on another one", device="iphone")
    assert "Installed" in office.uma.open("/my/certificates/").text
    shown = office.ada.open(f"/requests/{token.request_id}/").text
    assert "iPhone or iPad" in shown
    assert "The person says that it is installed" in shown
    assert "P-uma" not in office.ada.open(f"{search}no").text
    assert "P-uma" in office.ada.open(f"{search}yes").text

    office.uma.open(f"/my/certificates/{token.pk}/")
    office.uma.press("Take back: Mac")
    office.uma.press("Take back: iPhone or iPad")
    assert "P-uma" in office.ada.open(f"{search}no").text


def test_reminded_and_then_an_officer_decides(office: Office, token: SoftwareToken) -> None:
    TokenType.objects.update(installation_policy="tell", installation_days=14)
    now = timezone.now()
    for days in (0, 7.1, 14.2):
        with time_machine.travel(now + timedelta(days=days)):
            job = schedule.named("tokens.check_installations")
            assert job is not None
            job.run()
            sweep.sweep()
    with time_machine.travel(now + timedelta(days=14.3)):
        mail = mails_to("uma@example.com")[0]
        assert str(mail.message["Subject"]) == "Have you installed VPN?"
        assert any(link.endswith(f"/my/certificates/{token.pk}/") for link in links_in(mail))
        ada = office._signed_in(office.company.ada)
        assert "not said to be installed" in ada.open("/").text
        ada.open("/open-tasks/")
        ada.follow("Decide")
        assert "Mails to the person" in ada.page.text
        ada.press("Leave as it is", reason="A spare one for the meeting room.")
        assert "stays as it is" in ada.page.text
        assert "Decide" not in ada.open("/open-tasks/").text
