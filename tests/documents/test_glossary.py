"""The glossary: forbidden words are in no message of the portals and mails, and the models it names exist.

German has columns of the main tables; each further language of locale/ has a section with the same words.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.apps import apps
from django.conf.locale import LANG_INFO

ROOT = Path(__file__).resolve().parent.parent.parent
GLOSSARY = ROOT / "docs/reference/glossary.md"
NAMES = {path.parts[-3]: LANG_INFO[path.parts[-3]]["name"] for path in sorted(ROOT.glob("locale/*/*/*.po"))}
FURTHER = re.findall(r"^## In (\w+)$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
TITLES = ["English", "German", "what it means", "not (English)", "not (German)"]
NOT_WORDS = re.compile(r"%\(\w+\)[sd]|\{\w+\}|<[^>]*>|manage\.py .*")  # names of programs, for programs
# What others call it: the keychain of macOS, codes of an app, and what a page is called in Nexus.
OTHERS = {
    "Choose the keychain “login” (not “iCloud” or “System”).",
    "An app that shows a new code every thirty seconds. Any app for one-time codes (TOTP) will do.",
    "Any app for one-time codes will do, on your phone or in a password manager.",
    "Nexus calls this “Lock certificates”.",
}
# English that speaks of tokens and of no single one; German without the plural or a second part of a word.
SEVERAL = re.compile(r"^(?!.*\btoken\b).*\btokens\b", re.IGNORECASE | re.DOTALL)
ONE_IN_GERMAN = re.compile(r"\bToken\b(?!-)")
Entry = dict[str, str]


def entries(text: str) -> Iterator[Entry]:
    """Each row of each table, by the titles of its table."""
    titles: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            titles = []
        elif not titles:
            titles = cells
        elif not set(line) <= set("|- "):
            yield dict(zip(titles, cells, strict=True))


def in_language(name: str) -> list[Entry]:
    """Rows of the tables that say the language's words and which of them are not wanted."""
    return [entry for entry in entries(GLOSSARY.read_text(encoding="utf-8")) if f"not ({name})" in entry]


def pattern(forbidden: str) -> re.Pattern[str]:
    """One word or several, whole; * stands for any letters."""
    words = [re.escape(word).replace(r"\*", r"[^\W\d_]*") for word in forbidden.split()]
    spaced = r"\s+".join(words)
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)


def forbidden(name: str) -> list[re.Pattern[str]]:
    listed = (entry[f"not ({name})"].split(", ") for entry in in_language(name))
    return [pattern(each) for words in listed for each in words if each]


def said(code: str, *, english: bool = False) -> Iterator[str]:
    """Each message as the catalogue says it, or as the source does; a plural is two."""
    with (ROOT / f"locale/{code}/LC_MESSAGES/django.po").open("rb") as stream:
        for message in read_po(stream, locale=code):
            source = message.id if isinstance(message.id, tuple) else (message.id,)
            translated = message.string if isinstance(message.string, tuple) else (message.string,)
            if source[0] and source[0] not in OTHERS:
                yield from source if english else translated


def test_german_says_several_tokens_where_english_does() -> None:
    pairs = zip(said("de", english=True), said("de"), strict=True)
    wrong = [german for english, german in pairs if SEVERAL.search(english) and ONE_IN_GERMAN.search(german)]
    assert wrong == []


@pytest.mark.parametrize(("code", "name"), [("en", "English"), *NAMES.items()])
def test_no_message_says_what_the_glossary_forbids(code: str, name: str) -> None:
    wrong = forbidden(name)
    found = said("de", english=True) if code == "en" else said(code)
    texts = {NOT_WORDS.sub("", text) for text in found}
    assert [text for text in sorted(texts) if any(each.search(text) for each in wrong)] == []


def test_every_entry_has_both_languages_and_each_word_one_entry() -> None:
    read = in_language("German")
    assert len(read) > 40
    assert [list(entry) for entry in read if list(entry) != TITLES] == []
    assert [entry["English"] for entry in read if not entry["German"]] == []
    words = [word for entry in read for word in entry["English"].split(", ")]
    assert sorted(words) == sorted(set(words))


def test_each_language_of_the_catalogues_has_its_words() -> None:
    assert {*NAMES.values()} - {"German", *FURTHER} == set()


@pytest.mark.parametrize("name", FURTHER)
def test_each_further_language_has_the_same_words_in_the_same_order(name: str) -> None:
    read = in_language(name)
    assert [entry["English"] for entry in read] == [entry["English"] for entry in in_language("German")]
    assert [entry["English"] for entry in read if not entry[name]] == []


def test_the_models_of_the_glossary_exist() -> None:
    section = GLOSSARY.read_text(encoding="utf-8").partition("## In the code and API")[2]
    named = set(re.findall(r"`(\w+)`", section))
    models = {model.__name__ for model in apps.get_models()}
    assert named - models == set()
    assert len(named) > 5


@pytest.mark.parametrize(
    ("words", "text", "is_found"),
    [
        ("office", "You hold an office.", True),
        ("office", "An officer decides.", False),
        ("lock certificates", "Lock\ncertificates", True),
        ("Prozess* des Originals", "Die Prozesse des Originals", True),
        ("Siegel", "versiegelt", False),
    ],
)
def test_a_word_is_found_whole(words: str, text: str, *, is_found: bool) -> None:
    assert bool(pattern(words).search(text)) is is_found
