"""A file did not arrive: uma says so, ada lets her fetch it, and she sees what becomes of it."""

import pytest

from identity_manager.models import SoftwareToken
from tests.journeys.office import Office, delivered_files, mails_to

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


def test_said_decided_and_fetched(office: Office, token: SoftwareToken) -> None:
    page = f"/my/certificates/{token.pk}/"
    office.uma.open(page)
    assert office.uma.press("It did not arrive").status == 422
    assert "Choose what happened" in office.uma.page.text
    office.uma.press("It did not arrive", kind="stripped")
    assert "looks at it" in office.uma.page.text

    assert "file did not arrive" in office.ada.open("/").text
    office.ada.open("/open-tasks/")
    office.ada.follow("Decide")
    assert "The mail came without the file" in office.ada.page.text
    office.ada.press("Let them fetch it in Self-Service")
    assert "gets a mail" in office.ada.page.text
    assert "The file did not arrive" in office.ada.open(f"/requests/{token.request_id}/").text

    assert any("Fetch the file" in str(mail.message["Subject"]) for mail in mails_to("uma@example.com"))
    shown = office.uma.open(page).text
    assert "The file can be fetched in Self-Service" in shown
    assert "Fetch your file for VPN" in shown
    assert "example.com" in office.ada.open("/mails/domains/").text


def test_answered_or_sent_again(office: Office, token: SoftwareToken) -> None:
    page = f"/my/certificates/{token.pk}/"
    office.uma.open(page)
    office.uma.press("It did not arrive", kind="not-arrived")
    office.ada.open("/open-tasks/")
    office.ada.follow("Decide")
    assert office.ada.press("Answer", reason="").status == 422
    office.ada.press("Answer", reason="It lies in the quarantine of the mail gateway.")
    assert "quarantine" in office.uma.open(page).text
    office.uma.press("It did not arrive", kind="not-arrived")
    office.ada.open("/open-tasks/")
    office.ada.follow("Decide")
    office.ada.follow("Send again")
    office.ada.press("Send again")
    assert len(delivered_files("uma@example.com")) == 2
    assert "The file was sent again" in office.uma.open(page).text
    assert "Decide" not in office.ada.open("/open-tasks/").text

    office.uma.press("It did not arrive", kind="not-arrived")
    office.uma.press("It has arrived")
    assert "It arrived after all" in office.uma.page.text
