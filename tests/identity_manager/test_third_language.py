"""A third language is a folder with a catalogue: no code changes, and every page and mail speaks it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from django.conf import settings as product
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings
from pytest_django import Settings

from identity_manager.catalogue import terms
from identity_manager.catalogue.terms_content import Text
from identity_manager.config import languages
from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS
from identity_manager.management.preparation import compile_catalogues
from identity_manager.models import CertificateProfile, Role, TermsDocument, TokenType
from identity_manager.transactions.refusals import NotPossible
from tests.architecture.url_table import PUBLIC, TABLE, Row, Visitor
from tests.architecture.url_world import World
from tests.tools import cast

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("danish")]  # the catalogue is made once

DANISH = "da"
# The gallery, and mails in their own.
ELSEWHERE = ("ui:", "console:mail-html", "console:mail-text-html", "console:mail-text-draft-html")
MARK = "."  # stands before each word of the catalogue


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this one catalogue, compiled."""
    folder = tmp_path_factory.mktemp("catalogues")
    write_catalogue(folder)
    with override_settings(LOCALE_PATHS=[*product.LOCALE_PATHS, folder]):
        assert [path.parent.parent.name for path in compile_catalogues()] == [DANISH]
    return folder


@pytest.fixture(autouse=True)
def _danish(catalogues: Path, settings: Settings) -> None:
    """As LOCALE_DIRECTORIES names the folder, and LANGUAGES chooses the language."""
    settings.LOCALE_PATHS = [*product.LOCALE_PATHS, catalogues]
    settings.LANGUAGES = languages.offered(languages.found_in(settings.LOCALE_PATHS), ["de", DANISH])


def write_catalogue(folder: Path) -> None:
    """Every message of the product, marked."""
    with Path("locale/de/LC_MESSAGES/django.po").open("rb") as stream:
        known = read_po(stream, locale="de")
    danish = Catalog(locale=DANISH)
    for message in known:
        if message.id:
            one, many = message.id if isinstance(message.id, tuple) else (message.id, "")
            said = (marked(one), marked(many)) if many else marked(one)
            danish.add(message.id, said, context=message.context, flags=message.flags)
    place = folder / DANISH / "LC_MESSAGES" / "django.po"
    place.parent.mkdir(parents=True)
    with place.open("wb") as stream:
        write_po(stream, danish)


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
        browser.cookies[product.LANGUAGE_COOKIE_NAME] = DANISH
        response = browser.get(world.address(row))
        if response.status_code != 200 or not response["Content-Type"].startswith("text/html"):
            continue
        text = response.text
        if "<html" not in text:
            continue
        drawn += 1
        if f'<html lang="{DANISH}"' not in text or MARK not in text:
            faults.append(row.name)
    assert faults == []
    assert drawn > 60


@pytest.mark.parametrize("name", MAILS)
def test_every_mail_speaks_it(name: str) -> None:
    mail = specimens.specimen(name, language=DANISH)
    assert mail.language == DANISH
    assert MARK in mail.subject
    assert MARK in mail.body_text
    assert f'<html lang="{DANISH}"' in mail.body_html


@pytest.mark.django_db
def test_the_catalogue_is_written_and_read_in_it() -> None:
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    document = terms.add_document(actor=sven, code="house", name={"en": "House rules", DANISH: "Regler"})
    texts = {code: Text(f"Title {code}", "Text") for code, _name in product.LANGUAGES}
    assert set(texts) == {"en", "de", DANISH}
    version = terms.publish_terms(actor=sven, document=document, texts=texts)
    assert version.text_in(DANISH).title == f"Title {DANISH}"
    assert TermsDocument.objects.get(code="house").name.in_language(DANISH) == "Regler"


@pytest.mark.django_db
def test_what_has_no_text_in_it_is_read_in_the_installations_own() -> None:
    token_type = cast.token_type(name={"de": "Netz", "en": "Network"})
    version = token_type.terms.current_version()
    assert TokenType.objects.get().name.in_language(DANISH) == "Network"
    assert version.text_in(DANISH).language == "en"
    assert CertificateProfile.objects.get().name.in_language(DANISH) == "Client"


@pytest.mark.django_db
def test_terms_of_before_it_came_go_on_without_it() -> None:
    """An upgrade that brings a language asks nobody for a text in it."""
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    document = cast.terms()
    both = {code: Text(f"Title {code}", "New") for code in ("en", "de")}
    blank = both | {DANISH: Text("", "")}
    draft = terms.save_draft(
        actor=sven, document_id=document.pk, seen=terms.seen_of(document, None), texts=blank
    )
    assert terms.publication_obstacle(draft) is None
    version = terms.publish_draft(
        actor=sven, document_id=document.pk, seen=terms.seen_of(draft.document, draft), four_eyes=False
    )
    assert {text.language for text in version.texts.all()} == set(both)
    with pytest.raises(NotPossible):
        terms.publish_terms(actor=sven, document=document, texts={"en": both["en"]})


def test_a_folder_that_is_no_language_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "danish" / "LC_MESSAGES"
    place.mkdir(parents=True)
    (place / "django.po").touch()
    with pytest.raises(ImproperlyConfigured, match="danish"):
        languages.found_in([tmp_path])


@pytest.mark.parametrize(
    ("chosen", "offered"),
    [
        ([], ["en", "de", DANISH]),
        (["de"], ["en", "de"]),
        ([DANISH, "en", "de"], ["en", DANISH, "de"]),
        (["en"], ["en"]),
    ],
)
def test_an_installation_chooses_what_it_offers(chosen: list[str], offered: list[str]) -> None:
    assert [code for code, _name in languages.offered(product.LANGUAGES, chosen)] == offered


def test_a_chosen_language_without_catalogue_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^LANGUAGES must .* not 'tlh'\.$"):
        languages.offered(product.LANGUAGES, ["de", "tlh"])
