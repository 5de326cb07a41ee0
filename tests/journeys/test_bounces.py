"""The provider takes a delivery and tells later that nobody got it: the officer sees it, the person fetches
the file, and who is not the provider is not believed."""

import types
from collections.abc import Iterator
from http import HTTPStatus

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.pkcs12.reader import read
from identity_manager.config import urls
from identity_manager.config.addresses import addresses_of
from identity_manager.models import OutgoingMail, RequestState, SoftwareToken, TokenRequest
from tests.journeys.mail_provider import Provider, provider
from tests.journeys.office import PASSWORD, Office

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]
UMA = "uma@example.com"


@pytest.fixture
def mailgun(office: Office, settings: Settings) -> Iterator[Provider]:
    """An installation that mails by the provider: the addresses are those that its processes have."""
    with provider(settings) as made:
        addresses = types.ModuleType("addresses_with_webhook")
        addresses.__dict__.update({name: getattr(urls, name) for name in dir(urls) if "handler" in name})
        addresses.__dict__["urlpatterns"] = addresses_of(settings.PORTALS)
        settings.ROOT_URLCONF = addresses
        yield made


def delivered(office: Office) -> TokenRequest:
    """uma has accepted; the provider has taken the mail with her file."""
    request = office.enable("VPN")
    office.accept(request)
    assert SoftwareToken.objects.get().delivery == "sent"
    return request


def sign_in_again(office: Office) -> None:
    office.uma.press("Sign out")
    with time_machine.travel(timezone.now()):
        office.uma.sign_in("uma", PASSWORD)


def test_the_file_comes_back_and_is_fetched(office: Office, mailgun: Provider) -> None:
    request = delivered(office)
    container = request.tokens.get().containers.get(format="standard")
    assert mailgun.delivery().files == {container.file_name: bytes(container.content)}
    assert "did not arrive" not in office.uma.open("/my/open-tasks/").text

    assert mailgun.bounce(mailgun.delivery()).status_code == HTTPStatus.OK

    assert "Mails that nobody got" in office.ada.open("/open-tasks/").text
    row = office.ada.open("/mails/?state=trouble").text
    for words in (UMA, "Came back", "Mailgun: bounced", "does not exist"):
        assert words in row
    history = office.ada.open(f"/requests/{request.pk}/").text
    assert "does not exist" in history
    assert "Mailgun: bounced" in history

    assert "The mail with it did not arrive." in office.uma.open("/my/open-tasks/").text
    secret = office.show_passphrase(request)
    office.note_passphrase()
    office.uma.open(f"/my/certificates/{request.tokens.get().pk}/files/")
    sign_in_again(office)
    office.uma.open("/my/open-tasks/")
    office.uma.follow("Fetch the file: Fetch your file for VPN")
    office.uma.press(f"Fetch the file {container.file_name}")

    container.refresh_from_db()
    assert container.downloads == 1
    assert read(container.content, passphrase=secret)
    assert SoftwareToken.objects.get().state == "active"
    assert TokenRequest.objects.get().state == RequestState.COMPLETED
    told = [mail.fields["to"] for mail in mailgun.taken if container.file_name in mail.fields.get("text", "")]
    assert told == ["Uma Lindqvist <uma@example.com>"]


def test_the_officer_sends_it_again(office: Office, mailgun: Provider) -> None:
    """To the same mailbox, mended meanwhile; told a second time of the first mail, nothing happens."""
    delivered(office)
    first = mailgun.delivery()
    mailgun.bounce(first)

    office.ada.open("/open-tasks/")
    office.ada.follow(UMA)
    office.ada.press("Retry")

    again = mailgun.delivery()
    assert again.id != first.id
    assert again.files == first.files
    assert SoftwareToken.objects.get().delivery == "sent"
    mailgun.bounce(first)
    assert SoftwareToken.objects.get().delivery == "sent"
    assert "did not arrive" not in office.uma.open("/my/open-tasks/").text


def test_a_delay_is_no_bounce(office: Office, mailgun: Provider) -> None:
    delivered(office)
    assert mailgun.bounce(mailgun.delivery(), severity="temporary").status_code == HTTPStatus.OK
    assert SoftwareToken.objects.get().delivery == "sent"
    assert "Mails that nobody got" not in office.ada.open("/open-tasks/").text


def test_who_does_not_sign_is_not_believed(office: Office, mailgun: Provider) -> None:
    """Else anybody could open the download of a file that lies in a mailbox."""
    delivered(office)
    answer = mailgun.bounce(mailgun.delivery(), signing_key="somebody else's")
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert OutgoingMail.objects.get(message="delivery").state == "sent"
    assert "did not arrive" not in office.uma.open("/my/open-tasks/").text
