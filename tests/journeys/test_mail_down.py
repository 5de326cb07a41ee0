"""The mail server is down, and comes back; the passphrase does not wait for it."""

from typing import Any

import pytest

from identity_manager.mail.mailbox import MailboxBackend
from identity_manager.models import RequestState, SoftwareToken, TokenRequest
from tests.journeys.office import Office, delivered_files, later, mails_to

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def test_down_and_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(self: Any, messages: Any) -> None:
        raise ConnectionRefusedError("mail server down")

    with monkeypatch.context() as outage:
        outage.setattr(MailboxBackend, "send_messages", down)
        request = office.enable("VPN")
        office.accept(request)
        office.show_passphrase(request)
        office.note_passphrase()
        token = SoftwareToken.objects.get()
        assert (token.state, token.delivery) == ("sealed", "queued")
        assert mails_to("uma@example.com") == []
        assert "mail server down" in office.ada.open(f"/requests/{request.pk}/").text

    with later(minutes=2):
        assert SoftwareToken.objects.get().state == "active"
    assert len(delivered_files("uma@example.com")) == 1
    assert TokenRequest.objects.get().state == RequestState.COMPLETED
    assert {mail.message for mail in request.mails.all()} == {"information", "delivery", "passphrase_shown"}
    assert len(mails_to("uma@example.com")) == 3


def test_sent_again_for_another_device(office: Office) -> None:
    request = office.enable("VPN")
    office.accept(request)
    token = request.tokens.get()
    office.uma.open(f"/my/certificates/{token.pk}/?device=android-old")
    office.uma.press("Send the file again")

    names = [name for name, _content in delivered_files("uma@example.com")]
    assert len(names) == 2
    assert names[0].endswith("-compatible.p12")
