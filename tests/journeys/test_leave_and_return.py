"""A person leaves, returns, and leaves for good; an e-mail address changes on the word of two officers."""

import pytest

from identity_manager.models import Person, Role, SoftwareToken, TokenRequest
from tests.journeys.office import Office, mails_to
from tests.journeys.test_revocation import serials_on_the_crl
from tests.tools.cast import person

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def subjects() -> list[str]:
    """Of the mails to uma."""
    return [str(stored.message["Subject"]) for stored in mails_to("uma@example.com")]


def given(office: Office) -> TokenRequest:
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    return request


def serial_of(request: TokenRequest) -> int:
    return int(request.tokens.get().certificates.get().serial, 16)


def test_leave_and_return(office: Office) -> None:
    request = given(office)
    uma = f"/persons/{office.company.uma.pk}"
    page = office.rita.open(f"{uma}/deactivate/")
    assert "1 token is put on hold." in page.text
    office.rita.press("Deactivate", reason="parental leave")

    assert SoftwareToken.objects.get().state == "on_hold"
    assert serial_of(request) in serials_on_the_crl()
    assert "/account/login/" in office.uma.open("/my/").url, "signed out"
    assert "You are Inactive in Identity Manager" in subjects()

    office.rita.open(f"{uma}/activate/")
    office.rita.press("Activate")
    assert SoftwareToken.objects.get().state == "active"
    assert serial_of(request) not in serials_on_the_crl()
    assert "/account/login/" in office.uma.open("/my/").url, "the session of before is over"
    office.uma.sign_in("uma", "correct horse battery staple")
    assert "VPN" in office.uma.open("/my/certificates/").text


def test_what_waited_goes_on(office: Office) -> None:
    request = office.enable("VPN")
    office.rita.open(f"/persons/{office.company.uma.pk}/deactivate/")
    office.rita.press("Deactivate", reason="ill")
    assert "The person is Inactive." in office.ada.open(f"/requests/{request.pk}/").text
    office.rita.open(f"/persons/{office.company.uma.pk}/activate/")
    office.rita.press("Activate")

    office.uma.sign_in("uma", "correct horse battery staple")
    office.accept(request)
    assert SoftwareToken.objects.get().state == "sealed"


def test_locked_for_good(office: Office) -> None:
    request = given(office)
    office.rita.open(f"/persons/{office.company.uma.pk}/lock/")
    office.rita.press("Lock for good", reason="affiliationChanged")
    assert serial_of(request) in serials_on_the_crl()
    page = office.rita.open(f"/persons/{office.company.uma.pk}/")
    assert "Locked" in page.text
    assert "Activate" not in page.text


def test_two_officers_change_an_address(office: Office) -> None:
    rolf = office.browser_of(person("rolf", roles=(Role.REGISTRATION_OFFICER,)))
    request = office.enable("VPN")
    office.accept(request)
    office.rita.open(f"/persons/{office.company.uma.pk}/edit/")
    office.rita.press("Save", email="uma.new@example.com")
    assert "A change of your identity was asked for" in subjects()

    office.uma.open(f"/my/tokens/{request.tokens.get().pk}/passphrase/")
    assert "no passphrase is shown" in office.uma.page.text
    assert "Show passphrase" not in office.uma.page.text
    assert "waits" in office.uma.open("/my/open-tasks/").text

    rolf.open("/open-tasks/")
    rolf.follow("Decide")
    rolf.press("Confirm")
    assert Person.objects.get(pk=office.company.uma.pk).email == "uma.new@example.com"
    assert "Your identity was changed" in subjects()
    assert office.show_passphrase(request)


def test_one_token_on_hold(office: Office) -> None:
    request = given(office)
    token = request.tokens.get()
    office.ada.open(f"/tokens/{token.pk}/hold/")
    office.ada.press("Put on hold", reason="the laptop is missing")
    assert serial_of(request) in serials_on_the_crl()
    office.ada.open(f"/tokens/{token.pk}/reinstate/")
    office.ada.press("Reinstate")
    assert serial_of(request) not in serials_on_the_crl()
