"""Where mails only lead to the files (DELIVERY_MODE=link), no page says that a file is mailed."""

import pytest
from pytest_django import Settings

from tests import cast
from tests.selfservice.conftest import Desk, Visitor, page


@pytest.fixture
def desk(db: None, settings: Settings) -> Desk:
    settings.DELIVERY_MODE = "link"
    return Desk()


def test_no_page_promises_the_file_by_mail(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    for address in (
        page("request-softtoken"),
        page("terms", desk.waiting.pk),
        page("open-tasks"),
        page("requests"),
        page("passphrase", desk.sealed.pk),
    ):
        text = client.get(address).text
        for words in ("file is mailed", "file that we mail", "file comes by mail", "mailbox for the file"):
            assert words not in text, (address, words)


def test_the_terms_say_how_the_file_comes(desk: Desk, visit: Visitor) -> None:
    assert "You fetch the file here; a mail to" in visit(desk.uma).get(page("terms", desk.waiting.pk)).text


def test_what_is_sent_again_is_not_called_the_file(desk: Desk, visit: Visitor) -> None:
    cast.delivered(desk.active.request)
    client = visit(desk.uma)
    response = client.post(page("send-again", desk.active.pk), {"device": "windows"}, follow=True)
    assert "A mail that leads to the file is on its way to" in response.text
    assert "The file is on its way to" not in response.text
