"""A third language is a folder with a catalogue: no code changes, and every page and mail speaks it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from django.conf import settings as product
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from identity_manager.catalogue import terms
from identity_manager.config import languages
from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS
from identity_manager.management.preparation import compile_catalogues
from identity_manager.models import CertificateProfile, Role, TermsDocument, TokenType
from tests.architecture.url_table import PUBLIC, TABLE, Row, Visitor
from tests.architecture.url_world import World
from tests.tools import cast

SWEDISH = "sv"
ELSEWHERE = ("ui:", "console:mail-html", "console:mail-text-html")  # the gallery, and mails in their own
MARK = "."  # stands before each word of the catalogue


@pytest.fixture(autouse=True)
def _swedish(tmp_path: Path, settings: Settings) -> None:
    """The settings as they are when LOCALE_DIRECTORIES names a folder with this one catalogue."""
    write_catalogue(tmp_path)
    settings.LOCALE_PATHS = [*product.LOCALE_PATHS, tmp_path]
    settings.LANGUAGES = languages.found_in(settings.LOCALE_PATHS)
    assert [path.parent.parent.name for path in compile_catalogues()] == [SWEDISH]


def write_catalogue(folder: Path) -> None:
    """Every message of the product, marked."""
    with Path("locale/de/LC_MESSAGES/django.po").open("rb") as stream:
        known = read_po(stream, locale="de")
    swedish = Catalog(locale=SWEDISH)
    for message in known:
        if message.id:
            one, many = message.id if isinstance(message.id, tuple) else (message.id, "")
            said = (marked(one), marked(many)) if many else marked(one)
            swedish.add(message.id, said, context=message.context, flags=message.flags)
    place = folder / SWEDISH / "LC_MESSAGES" / "django.po"
    place.parent.mkdir(parents=True)
    with place.open("wb") as stream:
        write_po(stream, swedish)


def marked(text: str) -> str:
    """A translation begins with a line break where its message does."""
    return re.sub(r"^(\n?)", rf"\1{MARK}", text, count=1)


def pages(world: World) -> Iterator[tuple[Row, Client]]:
    """Every page that somebody may open, with the first visitor who may."""
    for row in TABLE:
        if row.opens and not row.name.startswith(ELSEWHERE):
            visitor = Visitor.ANONYMOUS if row.opens == PUBLIC else min(row.opens)
            yield row, world.browsers[visitor]


@pytest.mark.django_db
def test_every_page_speaks_it() -> None:
    world = World()
    drawn, faults = 0, []
    for row, browser in pages(world):
        browser.cookies[product.LANGUAGE_COOKIE_NAME] = SWEDISH
        response = browser.get(world.address(row))
        if response.status_code != 200 or not response["Content-Type"].startswith("text/html"):
            continue
        text = response.text
        if "<html" not in text:
            continue
        drawn += 1
        if f'<html lang="{SWEDISH}"' not in text or MARK not in text:
            faults.append(row.name)
    assert faults == []
    assert drawn > 60


@pytest.mark.parametrize("name", MAILS)
def test_every_mail_speaks_it(name: str) -> None:
    mail = specimens.specimen(name, language=SWEDISH)
    assert mail.language == SWEDISH
    assert MARK in mail.subject
    assert MARK in mail.body_text
    assert f'<html lang="{SWEDISH}"' in mail.body_html


@pytest.mark.django_db
def test_the_catalogue_is_written_and_read_in_it() -> None:
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    document = terms.add_document(actor=sven, code="house", name={"en": "House rules", SWEDISH: "Regler"})
    texts = {code: terms.Text(f"Title {code}", "Text") for code, _name in product.LANGUAGES}
    assert set(texts) == {"en", "de", SWEDISH}
    version = terms.publish_terms(actor=sven, document=document, texts=texts)
    assert version.text_in(SWEDISH).title == f"Title {SWEDISH}"
    assert TermsDocument.objects.get(code="house").name.in_language(SWEDISH) == "Regler"


@pytest.mark.django_db
def test_what_has_no_text_in_it_is_read_in_the_installations_own() -> None:
    token_type = cast.token_type(name={"de": "Netz", "en": "Network"})
    version = token_type.terms.current_version()
    assert TokenType.objects.get().name.in_language(SWEDISH) == "Network"
    assert version.text_in(SWEDISH).language == "en"
    assert CertificateProfile.objects.get().name.in_language(SWEDISH) == "Client"


def test_a_folder_that_is_no_language_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "swedish" / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "django.po").touch()
    with pytest.raises(ImproperlyConfigured, match="swedish"):
        languages.found_in([tmp_path])
