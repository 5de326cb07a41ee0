"""The file where mail does not bring it: after a refusal, by link, or both; never in one sign-in with the
passphrase."""

import smtplib
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.pkcs12.reader import read
from identity_manager.mail.mailbox import MailboxBackend
from identity_manager.models import OutgoingMail, RequestState, SoftwareToken, TokenRequest
from tests.journeys.office import PASSWORD, Office, delivered_files, links_in, mails_to

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]
UMA = "uma@example.com"


def sign_in_again(office: Office) -> None:
    """uma signs out with the button of the page that told her to, and in again a moment later."""
    office.uma.press("Sign out")
    with time_machine.travel(timezone.now()):
        office.uma.sign_in("uma", PASSWORD)


def note(office: Office, request: TokenRequest) -> str:
    secret = office.show_passphrase(request)
    office.note_passphrase()
    return secret


def fetch(office: Office) -> None:
    office.uma.open("/my/open-tasks/")
    office.uma.follow("Fetch the file: Fetch your file for VPN")
    press(office)


def press(office: Office) -> None:
    """The button names its file, for those who listen to the page."""
    container = SoftwareToken.objects.get().containers.get(format="standard")
    office.uma.press(f"Fetch the file {container.file_name}")


def told_of_fetching() -> list[OutgoingMail]:
    return list(OutgoingMail.objects.filter(message="file_fetched", state="sent"))


def finished() -> None:
    assert SoftwareToken.objects.get().state == "active"
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


def test_the_mail_server_refuses_the_file(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_files(monkeypatch)
    request = office.enable("VPN")
    office.accept(request)
    assert "The mail with it did not arrive." in office.uma.open("/my/open-tasks/").text

    note(office, request)
    assert SoftwareToken.objects.get().state == "sealed"
    page = office.uma.open(f"/my/certificates/{request.tokens.get().pk}/files/")
    assert "Sign out, sign in again, and then fetch the file." in page.text

    sign_in_again(office)
    fetch(office)

    assert len(told_of_fetching()) == 1
    assert delivered_files(UMA) == []
    finished()


def test_the_officer_is_told_and_sends_it_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as outage:
        refuse_files(outage)
        request = office.enable("VPN")
        office.accept(request)

    assert "Mails that nobody got" in office.ada.open("/open-tasks/").text
    office.ada.follow(UMA)
    office.ada.press("Retry")

    assert len(delivered_files(UMA)) == 1
    assert "Mails that nobody got" not in office.ada.open("/open-tasks/").text
    note(office, request)
    finished()


def test_after_an_outage_all_are_sent_again_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as outage:
        refuse_files(outage)
        office.accept(office.enable("VPN"))
        sam = office.enable("VPN", person=office.company.sam)
        office.uma, uma = office.sam, office.uma
        office.accept(sam)
        office.uma = uma

    office.ada.open("/mails/")
    office.ada.follow("SMTP 554 5.7.1")
    office.ada.follow("Retry 2 mails")
    assert "Try 2 mails again?" in office.ada.page.text
    office.ada.press("Retry")

    assert "2 mails are done." in office.ada.page.text
    assert len(delivered_files(UMA)) == len(delivered_files("sam@example.com")) == 1


def test_delivered_by_link(office: Office, settings: Settings) -> None:
    """The passphrase first, then the file: two sign-ins, and nothing travels by mail but the way."""
    settings.DELIVERY_MODE = "link"
    request = office.enable("VPN")
    office.accept(request)
    (mail,) = [each for each in mails_to(UMA) if "is ready" in each.message["Subject"] + each.body("plain")]
    assert mail.attachments() == []
    (way,) = {link for link in links_in(mail) if link.endswith("/files/")}

    secret = note(office, request)
    assert SoftwareToken.objects.get().delivery == "offered"
    sign_in_again(office)
    office.uma.open(way.replace("http://localhost:8000", ""))
    press(office)

    container = request.tokens.get().containers.get(format="standard")
    assert container.downloads == 1
    assert read(container.content, passphrase=secret)
    assert delivered_files(UMA) == []
    assert all(secret not in each.message.as_string() for each in mails_to(UMA))
    finished()


def test_the_file_first_then_the_passphrase(office: Office, settings: Settings) -> None:
    settings.DELIVERY_MODE = "link"
    request = office.enable("VPN")
    office.accept(request)
    fetch(office)
    page = office.uma.open(f"/my/tokens/{request.tokens.get().pk}/passphrase/")
    assert "Sign out, sign in again, and then see the passphrase." in page.text

    sign_in_again(office)
    note(office, request)

    finished()


def test_the_link_is_sent_again(office: Office, settings: Settings) -> None:
    settings.DELIVERY_MODE = "link"
    request = office.enable("VPN")
    office.accept(request)
    office.uma.open(f"/my/certificates/{request.tokens.get().pk}/?device=android-old")
    office.uma.press("Send the link again")

    links = [mail for mail in mails_to(UMA) if any(link.endswith("/files/") for link in links_in(mail))]
    assert len(links) == 2
    assert delivered_files(UMA) == []


def test_both(office: Office, settings: Settings) -> None:
    """Attached, and there to be fetched; the mail is enough."""
    settings.DELIVERY_MODE = "both"
    request = office.enable("VPN")
    office.accept(request)
    ((_name, attached),) = delivered_files(UMA)
    (mail,) = [each for each in mails_to(UMA) if each.attachments()]
    assert [link for link in links_in(mail) if link.endswith("/files/")]
    note(office, request)
    finished()

    sign_in_again(office)
    office.uma.open(f"/my/certificates/{request.tokens.get().pk}/files/")
    press(office)
    container = request.tokens.get().containers.get(format="standard")
    assert (container.content, container.downloads) == (attached, 1)


def refuse_files(patch: pytest.MonkeyPatch) -> None:
    """A mail server that takes no attachments of this kind."""
    send = MailboxBackend.send_messages

    def refuse(self: MailboxBackend, messages: Any) -> int:
        if any(message.attachments for message in messages):
            raise smtplib.SMTPDataError(554, b"5.7.1 attachment blocked")
        return send(self, messages)

    patch.setattr(MailboxBackend, "send_messages", refuse)
