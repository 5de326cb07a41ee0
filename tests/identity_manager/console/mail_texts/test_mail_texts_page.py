"""ADMIN, Mail texts: every mail in every language, of somebody who does not exist."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from identity_manager.console.mail_texts import page
from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS
from tests.tools import cast

PAGE = reverse("console:mail-texts")
LANGUAGES = [code for code, _name in settings.LANGUAGES]


def test_every_mail_that_has_a_folder_is_found() -> None:
    folders = {path.parent.name for path in Path(settings.BASE_DIR).glob("templates/emails/*/subject.txt")}
    assert set(MAILS) == folders


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(MAILS))
def test_a_specimen_is_whole_and_asks_no_database(name: str, language: str) -> None:
    """Without the mark django_db, a query fails the test."""
    mail = specimens.specimen(name, language=language)
    assert mail._state.adding
    assert mail.language == language
    for part in (mail.subject, mail.body_text, mail.body_html):
        assert part.strip()
        assert "None" not in part
        assert "{{" not in part


def test_the_list_says_to_whom_and_when(sven: Client) -> None:
    text = sven.get(PAGE).text
    for name in MAILS:
        assert name in text
    assert "when a token is sealed" in text
    assert all(line.when for line in page.listing()["lines"])


def test_each_mail_is_known_in_words_not_by_what_programmers_wrote(sven: Client) -> None:
    assert "Delivery of a software token" in sven.get(PAGE).text


def test_a_mail_is_shown_as_text_and_in_a_sandbox(sven: Client) -> None:
    address = reverse("console:mail-text", args=["delivery", "de"])
    text = sven.get(address).text
    html = reverse("console:mail-text-html", args=["delivery", "de"])
    assert f'src="{html}"' in text
    assert "vpn-brandstaetter.p12" in text
    framed = sven.get(html)
    assert framed["Content-Security-Policy"].startswith("sandbox")
    assert framed["X-Frame-Options"] == "SAMEORIGIN"
    assert "Zoë Brandstætter" in framed.text


def test_nobody_who_exists_is_in_a_preview(sven: Client, company: cast.Company) -> None:
    company.request_in("issued")
    for name in MAILS:
        text = sven.get(reverse("console:mail-text", args=[name, "en"])).text
        assert "Lindqvist" not in text


@pytest.mark.parametrize("args", [["no_such_mail", "en"], ["delivery", "fr"], ["compose", "en"]])
def test_what_is_no_mail_or_no_language_is_not_found(sven: Client, args: list[Any]) -> None:
    for view in ("mail-text", "mail-text-html"):
        assert sven.get(reverse(f"console:{view}", args=args)).status_code == 404


def test_an_auditor_reads_them_and_others_do_not(otto: Client, ada: Client) -> None:
    assert otto.get(PAGE).status_code == 200
    assert ada.get(PAGE).status_code == 403


def test_no_specimen_lacks_a_date_in_its_sentence() -> None:
    for name in MAILS:
        text = specimens.specimen(name, language="en").body_text
        assert not re.search(r"\b(on|until|by) [;,.]", text), name
