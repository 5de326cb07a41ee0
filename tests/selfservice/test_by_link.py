"""Where mails only lead to the files (DELIVERY_MODE=link), no page says that a file is mailed."""

import pytest
from pytest_django import Settings

from identity_manager.mail import specimens
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast


@pytest.fixture
def desk(db: None, settings: Settings) -> Desk:
    settings.DELIVERY_MODE = "link"
    return Desk()


PROMISES = (
    "file is mailed",
    "file that we mail",
    "file comes by mail",
    "mailbox for the file",
    "on its way to your mailbox",
    "The file is on its way",
    "files are on their way",
)


@pytest.mark.parametrize("noted", [False, True], ids=["passphrase waits", "passphrase noted"])
def test_no_page_promises_the_file_by_mail(desk: Desk, visit: Visitor, *, noted: bool) -> None:
    if noted:
        cast.noted(desk.sealed)
    client = visit(desk.uma)
    for address in (
        page("request-softtoken"),
        page("terms", desk.waiting.pk),
        page("open-tasks"),
        page("requests"),
        page("certificates"),
        page("passphrase", desk.sealed.pk),
        page("token", desk.sealed.pk) + "?device=windows",
    ):
        text = client.get(address).text
        for words in PROMISES:
            assert words not in text, (address, words)


def test_the_terms_say_how_the_file_comes(desk: Desk, visit: Visitor) -> None:
    assert "You fetch the file here; a mail to" in visit(desk.uma).get(page("terms", desk.waiting.pk)).text


def test_what_is_sent_again_is_not_called_the_file(desk: Desk, visit: Visitor) -> None:
    cast.delivered(desk.active.request)
    client = visit(desk.uma)
    response = client.post(page("send-again", desk.active.pk), {"device": "windows"}, follow=True)
    assert "A mail that leads to the file is on its way to" in response.text
    assert "A mail that leads to these files is on its way to" in response.text
    assert not [words for words in PROMISES if words in response.text]


def test_who_has_the_passphrase_is_told_how_the_file_comes(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    text = client.get(page("passphrase", desk.sealed.pk)).text
    assert "You fetch the file here; a mail to" in text
    cast.noted(desk.sealed)
    for name in ("requests", "certificates"):
        assert "mail says when you can fetch the file here." in client.get(page(name)).text, name


@pytest.mark.parametrize("name", ["passphrase_reminder", "token_lapsed"])
def test_no_mail_about_the_passphrase_says_that_the_file_was_mailed(desk: Desk, name: str) -> None:
    mail = specimens.specimen(name, language="en")
    assert "The passphrase for" in mail.body_text
    assert "in your mailbox" not in mail.body_text
