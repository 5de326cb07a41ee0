"""For which devices: said with the terms, brought by the mail, shown on pages, taken again."""

import pytest

from identity_manager.models import TokenType
from tests.journeys.office import Office, mails_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


def test_said_with_the_terms_and_led_through(office: Office) -> None:
    request = office.enable("VPN")
    uma = office.uma
    uma.open(f"/my/requests/{request.pk}/terms/")
    uma.press("Accept", "I accept", "Mac (Keychain)", "Windows 10 or 11")
    request.refresh_from_db()
    assert request.devices == "windows macos"
    text = str(mails_to("uma@example.com")[0].message.get_body(("plain",)))
    assert "Keychain Access opens" in text
    assert "VPN & app user certificate" not in text  # the steps of Android

    uma.open(f"/my/tokens/{request.tokens.get().pk}/passphrase/")
    for words in ("Open the mail", "Install the file", "Keychain Access opens", "Come back and confirm"):
        assert words in uma.page.text
    assert "Firefox" not in uma.page.text
    uma.press("Show passphrase")
    office.note_passphrase()
    assert "Is it installed?" in uma.page.text  # there it is said for each device
    assert "How to install it: Windows 10 or 11" in uma.page.text
    assert (
        "For these devices: Windows 10 or 11 and Mac (Keychain)"
        in office.ada.open(f"/requests/{request.pk}/").text
    )
    assert "the devices that you named last:" in uma.open("/my/certificates/replace/").text


def test_a_type_may_demand_it_and_what_was_said_last_is_ticked(office: Office) -> None:
    first = office.enable("VPN")
    office.uma.open(f"/my/requests/{first.pk}/terms/")
    office.uma.press("Accept", "I accept", "Thunderbird")
    TokenType.objects.filter(code="signature").update(device_rule="must", approval="never")
    second = office.enable("SIGNATURE")
    office.uma.open(f"/my/requests/{second.pk}/terms/")
    office.uma.press("Accept", "I accept")
    second.refresh_from_db()
    assert second.devices == "thunderbird"


def test_without_it_nothing_is_issued(office: Office) -> None:
    TokenType.objects.filter(code="vpn").update(device_rule="must")
    request = office.enable("VPN")
    office.uma.open(f"/my/requests/{request.pk}/terms/")
    assert office.uma.press("Accept", "I accept").status == 422
    assert "Say for which devices the file is." in office.uma.page.text
    request.refresh_from_db()
    assert request.state == "awaiting_acceptance"
