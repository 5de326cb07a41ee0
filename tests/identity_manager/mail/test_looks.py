"""Mails in the company's looks: name, colour, help desk, and the logo as an inline image."""

from typing import Any

import pytest

from identity_manager import colours
from identity_manager.mail import inline_logo, sending, specimens
from identity_manager.models import Container, Looks, OutgoingMail, Role
from identity_manager.queries import looks as looks_queries
from tests.tools import cast
from tests.tools import looks as company

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _read_anew() -> None:
    looks_queries.forget()


@pytest.fixture
def row() -> Looks:
    return company.in_force(cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,), sid=""))


def written(mail: OutgoingMail) -> Any:
    return sending.build(mail).message()


def shape(part: Any) -> Any:
    if part.is_multipart():
        return part.get_content_subtype(), [shape(each) for each in part.get_payload()]
    return part.get_content_type()


def test_a_mail_says_whose_it_is(row: Looks) -> None:
    mail = specimens.specimen("rejected", language="en")
    for text in (mail.body_html, mail.body_text):
        assert "Contoso Trust" in text
        assert "Identity Manager" not in text
        assert "IT desk, telephone 4711" in text
        assert "We never mail a passphrase" in text
    assert colours.accent("#1f6feb").light.accent in mail.body_html
    assert "#006068" not in mail.body_html
    assert "IT-Hilfe, Telefon 4711" in specimens.specimen("rejected", language="de").body_text


def test_without_looks_a_mail_is_ours() -> None:
    mail = specimens.specimen("rejected", language="en")
    assert "Identity Manager of your organisation" in mail.body_text
    assert "#006068" in mail.body_html
    assert "cid:" not in mail.body_html
    assert shape(written(mail)) == ("alternative", ["text/plain", "text/html"])


def test_the_logo_is_an_inline_image(row: Looks) -> None:
    mail = specimens.specimen("rejected", language="en")
    message = written(mail)
    assert shape(message) == ("related", [("alternative", ["text/plain", "text/html"]), "image/png"])
    image = message.get_payload()[-1]
    assert image["Content-ID"].strip("<>") in mail.body_html
    assert image["Content-Disposition"] == "inline"
    assert image.get_payload(decode=True) == row.logo
    assert message.as_bytes() == written(mail).as_bytes()


def test_a_file_lies_beside_text_and_logo(row: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = specimens.specimen("rejected", language="en")
    files = [Container(file_name="token.p12", content=b"x", format="standard")]
    monkeypatch.setattr(sending, "_containers", lambda _mail: files)
    related = ("related", [("alternative", ["text/plain", "text/html"]), "image/png"])
    assert shape(written(mail)) == ("mixed", [related, "application/x-pkcs12"])


def test_a_mail_keeps_the_logo_that_it_began_with(row: Looks) -> None:
    mail = specimens.specimen("rejected", language="en")
    Looks.objects.filter(pk=row.pk).update(state="retired")
    looks_queries.forget()
    assert shape(written(mail))[0] == "related"


def test_a_page_shows_the_logo_itself(row: Looks) -> None:
    shown = inline_logo.shown(specimens.specimen("rejected", language="en").body_html)
    assert "data:image/png;base64," in shown
    assert "cid:" not in shown
    assert inline_logo.shown("<p>cid:nothing</p>") == "<p>cid:nothing</p>"
