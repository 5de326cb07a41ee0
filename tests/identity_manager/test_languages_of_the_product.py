"""The languages that the product comes with beside English and German: mails and pages speak them whole."""

import re
from functools import cache
from html import unescape

import pytest
from django.conf import settings as product
from pytest_django import Settings

from identity_manager.config import languages
from identity_manager.demo.catalogue import TERMS_DIRECTORY
from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS
from identity_manager.management.preparation import compile_catalogues
from tests.architecture.url_table import TABLE
from tests.architecture.url_world import World
from tests.identity_manager.test_third_language import pages
from tests.identity_manager.test_translation import COMMITTED, COMPLETE, catalogue, forms, messages

FURTHER = [code for code in COMPLETE if code not in dict(product.LANGUAGES)]
GAP = re.compile(r"%\(\w+\)|\{\w*\}|, \.|: \.")
EVERY = 10  # one page in ten: what all have in common is on each, and all are walked in German


@pytest.fixture(autouse=True)
def _all_of_them(settings: Settings) -> None:
    """As an installation without LANGUAGES."""
    settings.LANGUAGES = languages.found_in(settings.LOCALE_PATHS)
    compile_catalogues()


@cache
def english_only(code: str) -> frozenset[str]:
    """What the source says in several words, and this language says otherwise; one word may be a name."""
    book = list(messages(catalogue(COMMITTED[code])))
    said = {form for message in book for form in forms(message.string)}
    return frozenset(form for message in book for form in forms(message.id) if " " in form) - said


def texts_of(page: str) -> set[str]:
    """The texts between the tags of a page, without the documents, which are in English and say so."""
    own = re.sub(r'<(article|ul|nav)\b[^>]* lang="en".*?</\1>', "", page, flags=re.DOTALL)
    return {" ".join(unescape(text).split()) for text in re.findall(r">([^<>]+)<", own)}


@pytest.mark.parametrize("code", FURTHER)
def test_every_mail_is_whole(code: str) -> None:
    for name in MAILS:
        mail, english = (specimens.specimen(name, language=each) for each in (code, "en"))
        assert mail.subject != english.subject
        assert GAP.search(mail.subject + mail.body_text) is None
        assert english_only(code).isdisjoint(mail.body_text.splitlines())
        assert f'<html lang="{code}"' in mail.body_html


def test_a_colon_stands_as_the_language_has_it() -> None:
    """The line above the address of a mail: French has a no-break space before the colon."""
    said = {code: specimens.specimen("password_set", language=code) for code in ("en", "fr")}
    above = {
        code: mail.body_text[: mail.body_text.index("\nhttp")].split("\n")[-1] for code, mail in said.items()
    }
    assert above["en"] == "Look at my account:"
    assert above["fr"].endswith("\xa0:")


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("code", FURTHER)
def test_pages_have_nothing_in_english(code: str) -> None:
    world = World()
    left = {}
    for row, browser in list(pages(world))[::EVERY]:
        browser.cookies[product.LANGUAGE_COOKIE_NAME] = code
        response = browser.get(world.address(row))
        if response.status_code == 200 and "<html" in (page := response.text):
            assert f'<html lang="{code}"' in page
            left[row.name] = texts_of(page) & english_only(code)
    assert {name: texts for name, texts in left.items() if texts} == {}
    assert len(left) > len(TABLE) / EVERY / 4


def test_the_terms_of_the_demo_say_as_much_in_each_language() -> None:
    texts = {path.stem: path.read_text("utf-8").split("\n\n") for path in TERMS_DIRECTORY.glob("*.txt")}
    assert {"en", "de", "sv"} <= set(texts)
    shapes = {code: [part.startswith("# ") for part in parts] for code, parts in texts.items()}
    assert set(map(tuple, shapes.values())) == {tuple(shapes["en"])}
