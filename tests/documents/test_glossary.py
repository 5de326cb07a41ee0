"""The glossary: forbidden words are in no message of the portals and mails, and the models it names exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent.parent
GLOSSARY = ROOT / "docs/reference/glossary.md"
GERMAN = ROOT / "locale/de/LC_MESSAGES/django.po"
TITLES = ["English", "German", "what it means", "not (English)", "not (German)"]
NOT_WORDS = re.compile(r"%\(\w+\)[sd]|\{\w+\}|<[^>]*>|manage\.py .*")  # names of programs, for programs
# What others call it: the keychain of macOS, codes of an app, and what a page is called in Nexus.
OTHERS = {
    "Choose the keychain “login” (not “iCloud” or “System”).",
    "An app that shows a new code every thirty seconds. Any app for one-time codes (TOTP) will do.",
    "Any app for one-time codes will do, on your phone or in a password manager.",
    "Nexus calls this “Lock certificates”.",
}
Entry = dict[str, str]


def entries(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and cells != TITLES and not set(line) <= set("|- "):
            yield dict(zip(TITLES, cells, strict=True))


def pattern(forbidden: str) -> re.Pattern[str]:
    """One word or several, whole; * stands for any letters."""
    words = [re.escape(word).replace(r"\*", r"[^\W\d_]*") for word in forbidden.split()]
    spaced = r"\s+".join(words)
    return re.compile(rf"(?<!\w){spaced}(?!\w)", re.IGNORECASE)


def forbidden(column: str) -> list[re.Pattern[str]]:
    found = entries(GLOSSARY.read_text(encoding="utf-8"))
    return [pattern(each) for entry in found for each in entry[column].split(", ") if each]


def said() -> Iterator[tuple[str, str]]:
    """Each message in English and in German; a plural is two."""
    with GERMAN.open("rb") as stream:
        for message in read_po(stream, locale="de"):
            english = message.id if isinstance(message.id, tuple) else (message.id,)
            german = message.string if isinstance(message.string, tuple) else (message.string,)
            if english[0] and english[0] not in OTHERS:
                yield from zip(english, german, strict=True)


@pytest.mark.parametrize(("column", "place"), [("not (English)", 0), ("not (German)", 1)])
def test_no_message_says_what_the_glossary_forbids(column: str, place: int) -> None:
    wrong = forbidden(column)
    texts = {NOT_WORDS.sub("", message[place]) for message in said()}
    assert [text for text in sorted(texts) if any(each.search(text) for each in wrong)] == []


def test_every_entry_has_both_languages_and_each_word_one_entry() -> None:
    read = list(entries(GLOSSARY.read_text(encoding="utf-8")))
    assert len(read) > 40
    assert [entry["English"] for entry in read if not entry["German"]] == []
    words = [word for entry in read for word in entry["English"].split(", ")]
    assert sorted(words) == sorted(set(words))


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
