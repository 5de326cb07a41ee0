"""Every string is there in each catalogue, none is stale; what is filled in has its place in all of them."""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import django
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management import call_command
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import override

ROOT = Path(settings.BASE_DIR)
COMPLETE = ("de", "fr", "sv")  # the languages that the product comes with
COMMITTED = {code: ROOT / f"locale/{code}/LC_MESSAGES/django.po" for code in COMPLETE}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|\{\w+\}|</?\w+[^>]*>")
UNFIT_WORDS = re.compile(r"\b[Bb]itte\b|!")
SOURCES = ("ca_bridge", "identity_manager", "selfservice", "templates")
Key = tuple[str | None, str]


def catalogue(path: Path, *, abort_invalid: bool = True) -> Catalog:
    with path.open("rb") as stream:
        return read_po(stream, locale=path.parts[-3], abort_invalid=abort_invalid)


def messages(book: Catalog) -> Iterator[Message]:
    return (message for message in book if message.id)


def key(message: Message) -> Key:
    return message.context, forms(message.id)[0]


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """The singular and, where there is one, the plural."""
    return (text,) if isinstance(text, str) else tuple(text or ())


def untranslated(book: Catalog) -> list[Key]:
    return [key(message) for message in messages(book) if not all(forms(message.string))]


def fuzzy(book: Catalog) -> list[Key]:
    return [key(message) for message in messages(book) if message.fuzzy]


def misfilled(book: Catalog) -> list[Key]:
    """Messages in which a form of the translation names other placeholders or tags than the original.

    A form for one may leave out the number, as the original does.
    """
    found = []
    for message in messages(book):
        allowed = [set(PLACEHOLDER.findall(form)) for form in forms(message.id)]
        if any(set(PLACEHOLDER.findall(form)) not in allowed for form in forms(message.string)):
            found.append(key(message))
    return found


def book_of(entries: str) -> Catalog:
    header = 'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    return read_po((header + entries).splitlines(keepends=True), locale="de", abort_invalid=True)


@pytest.fixture(scope="module", params=COMPLETE)
def book(request: pytest.FixtureRequest) -> Catalog:
    return catalogue(COMMITTED[request.param])


@pytest.fixture(scope="module")
def german() -> Catalog:
    return catalogue(COMMITTED["de"])


def test_nothing_is_left_in_english(book: Catalog) -> None:
    assert untranslated(book) == []


def test_nothing_was_guessed(book: Catalog) -> None:
    """`makemessages` marks as fuzzy what it took from a similar string."""
    assert fuzzy(book) == []


def test_nothing_is_kept_that_is_said_no_more(book: Catalog) -> None:
    assert list(book.obsolete) == []


def test_it_is_sorted_so_that_two_changes_seldom_meet(book: Catalog) -> None:
    """The order of the source moves with every file; whoever rebases would have all of it twice."""
    said = [forms(message.id)[0] for message in messages(book)]
    assert said == sorted(said, key=lambda words: (escaped(words).lower(), escaped(words)))


def escaped(words: str) -> str:
    return words.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def test_what_is_filled_in_has_its_place(book: Catalog) -> None:
    assert misfilled(book) == []


def test_no_sentence_runs_into_the_next(book: Catalog) -> None:
    """As where a merge has kept the same line of both sides."""
    glued = re.compile(r"[a-zåäöüß)]\.[A-ZÅÄÖÜa-zåäöü][a-zåäöü]+ ")
    assert [
        form
        for row in messages(book)
        for form in forms(row.string)
        if glued.search(form) and not any(map(glued.search, forms(row.id)))
    ] == []


def test_the_voice_is_calm(book: Catalog) -> None:
    loud = [form for message in messages(book) for form in forms(message.string) if UNFIT_WORDS.search(form)]
    assert loud == []


def test_names_of_months_and_days_are_left_to_django(book: Catalog) -> None:
    """A heading "May" without a context would be the month on every page that shows a day."""
    with override("en"):
        names = {str(name) for name in (*MONTHS.values(), *WEEKDAYS.values())}
    own = {
        forms(message.id)[0]: forms(message.string)[0] for message in messages(book) if not message.context
    }
    place = Path(django.__file__).parent / f"conf/locale/{book.locale}/LC_MESSAGES/django.po"
    djangos = catalogue(place, abort_invalid=False)  # a plural of the French one has a form too many
    theirs = {forms(message.id)[0]: forms(message.string)[0] for message in djangos if not message.context}
    assert {name: own[name] for name in names & own.keys() if own[name] != theirs[name]} == {}


def test_an_office_has_one_name(german: Catalog) -> None:
    """Wiederherstellungsbeauftragte, of the role Schlüsselwiederherstellung."""
    assert [
        form for row in messages(german) for form in forms(row.string) if "Recovery Officer" in form
    ] == []


OTHER_GENDER = {
    "de": (
        r"\b([Dd](as|ieses)|[Jj]e(de|ne)s|(neu|alt|gültig|aktiv|weiter)es)"
        r"( \w+e)? (Software-)?Token\b(?!-)"
    ),
    "fr": r"(?i)\b(la|une|cette|nouvelle|ancienne|toute) (\w+ )?jetons?\b",
    "sv": r"(?i)\b(ett|det|detta|nytt|giltigt|aktivt) (\w+ )?((programvaru)?token|\w*tokens|\w*tokenet)\b",
}


def test_a_token_has_one_gender(book: Catalog) -> None:
    """Der Token, le jeton, en token, as in most strings: the forms of another gender stand in none."""
    other = re.compile(OTHER_GENDER[str(book.locale)])
    assert [form for message in messages(book) for form in forms(message.string) if other.search(form)] == []


def test_french_has_no_break_spaces_at_its_punctuation() -> None:
    """Before : ; ? and inside « »; a plain space there would let the sign begin a line."""
    wrong = re.compile(r"(?<!\N{NO-BREAK SPACE})(»|[:;?](?=\s|$))|«(?!\N{NO-BREAK SPACE})|'")
    said = [form for message in messages(catalogue(COMMITTED["fr"])) for form in forms(message.string)]
    assert [form for form in said if wrong.search(form)] == []


@pytest.mark.parametrize("code", COMPLETE)
def test_the_head_names_nobody_and_no_day_that_moves(code: str) -> None:
    head = COMMITTED[code].read_text(encoding="utf-8").partition("\n\n")[0]
    assert "POT-Creation-Date" not in head
    assert "@" not in head
    assert '"Last-Translator: \\n"' in head


@pytest.mark.needs_program("xgettext")
def test_each_catalogue_holds_what_the_source_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {key(message): forms(message.id) for message in messages(extracted(tmp_path, monkeypatch))}
    for path in COMMITTED.values():
        kept = {key(message): forms(message.id) for message in messages(catalogue(path))}
        assert said == kept


@pytest.mark.needs_program("xgettext")
def test_what_a_merge_doubled_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "locale/de/LC_MESSAGES/django.po"
    kept.parent.mkdir(parents=True)
    head = COMMITTED["de"].read_text(encoding="utf-8").partition("\n\n")[0]
    same = 'msgid "Approve"\nmsgstr "Freigeben"'
    other = 'msgid "Reject"\nmsgstr "{}"'.format
    kept.write_text("\n\n".join([head, same, other("Ablehnen"), same, other("Nein")]), encoding="utf-8")
    (tmp_path / "page.py").write_text('_("Approve")\n_("Reject")\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "LOCALE_PATHS", [tmp_path / "locale"])
    call_command("makemessages", locale=["de"], verbosity=0)
    assert {message.id: message.string for message in messages(catalogue(kept))} == {
        "Approve": "Freigeben",
        "Reject": "Ablehnen",
    }
    told = capsys.readouterr().err
    assert "Nein" in told
    assert "Freigeben" not in told


def extracted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """What makemessages finds in a copy of the source."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "locale").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(settings, "LOCALE_PATHS", [folder / "locale"])
    call_command("makemessages", locale=["de"], verbosity=0)
    return catalogue(folder / "locale/de/LC_MESSAGES/django.po")


class TestTheChecksThemselves:
    """Each of them finds what it is there to find."""

    def test_an_empty_translation(self) -> None:
        assert untranslated(book_of('msgid "Approve"\nmsgstr ""\n')) == [(None, "Approve")]

    def test_an_empty_plural(self) -> None:
        entry = 'msgid "%(n)d day"\nmsgid_plural "%(n)d days"\nmsgstr[0] "%(n)d Tag"\nmsgstr[1] ""\n'
        assert untranslated(book_of(entry)) == [(None, "%(n)d day")]

    def test_a_guess(self) -> None:
        assert fuzzy(book_of('#, fuzzy\nmsgid "Approve"\nmsgstr "Ablehnen"\n')) == [(None, "Approve")]

    def test_something_obsolete(self) -> None:
        assert len(book_of('#~ msgid "Submit"\n#~ msgstr "Absenden"\n').obsolete) == 1

    @pytest.mark.parametrize("german", ["Guten Tag", "Guten Tag %(nam)s", "Guten Tag <b>%(name)s</b>"])
    def test_a_placeholder_that_does_not_match(self, german: str) -> None:
        assert misfilled(book_of(f'msgid "Hello %(name)s"\nmsgstr "{german}"\n')) == [
            (None, "Hello %(name)s")
        ]

    def test_a_form_for_one_without_its_number_is_right_where_the_original_has_none(self) -> None:
        entry = 'msgid "one"\nmsgid_plural "%(n)d of them"\nmsgstr[0] "eins"\nmsgstr[1] "%(n)d davon"\n'
        assert misfilled(book_of(entry)) == []
