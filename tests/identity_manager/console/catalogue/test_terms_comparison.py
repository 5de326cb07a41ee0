"""ADMIN, Terms: what a draft says otherwise than the version in force is seen before it is published."""

import time

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from identity_manager.catalogue.terms_content import Text
from identity_manager.console.catalogue import terms_comparison
from identity_manager.console.catalogue.terms_comparison import Comparison, Mark, Piece, comparisons
from identity_manager.models import TermsDocument
from tests.identity_manager.console.catalogue.forms import seen_in
from tests.identity_manager.console.catalogue.test_terms_pages import address
from tests.tools import cast

pytestmark = pytest.mark.long

LONGEST = 100_000  # characters, as the form takes
DIFFERENCES = "identity_manager/catalogue/terms_differences.html"
SHORT_PARAGRAPHS = ["\n\n".join(f"{letter}{number}" for number in range(13_000)) for letter in ("a", "b")]
HEADINGS = [f"# {number:x}" for number in range(13_000)]
ONE_HEADING_MOVED = "\n\n".join(HEADINGS), "\n\n".join([HEADINGS[-1], *HEADINGS[:-1]])
Told = list[list[tuple[str, str]]]


def compared(before: str, after: str, *, titles: tuple[str, str] = ("Terms", "Terms")) -> Comparison:
    return comparisons({"en": Text(titles[0], before)}, {"en": Text(titles[1], after)})[0]


def told(before: str, after: str) -> Told:
    """Each passage as the marks and words of its pieces."""
    stretches = compared(before, after).stretches
    passages = [passage for stretch in stretches for passage in stretch.passages]
    return [[(piece.mark.value, piece.text) for piece in passage.pieces] for passage in passages]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("Keep it.", "Keep it.", [[("same", "Keep it.")]]),
        ("Keep it.", "Keep  it.\n", [[("same", "Keep it.")]]),
        ("", "Keep it.", [[("new", "Keep it.")]]),
        ("Keep it.", "", [[("out", "Keep it.")]]),
        ("Keep it here.", "Keep it there.", [[("same", "Keep it"), ("out", "here."), ("new", "there.")]]),
        (
            "Keep it here.",
            "Keep it safely here.",
            [[("same", "Keep it"), ("new", "safely"), ("same", "here.")]],
        ),
        ("Keep it.", "Lose everything else.", [[("new", "Lose everything else.")], [("out", "Keep it.")]]),
        ("# Keep", "Keep", [[("new", "Keep")], [("out", "Keep")]]),
        (
            "First of all.\n\nKeep it here.",
            "Keep it there.",
            [[("out", "First of all.")], [("same", "Keep it"), ("out", "here."), ("new", "there.")]],
        ),
        ("A.\n\nB.", "A.\n\nNew.\n\nB.", [[("same", "A.")], [("new", "New.")], [("same", "B.")]]),
    ],
)
def test_words_and_paragraphs_are_told(before: str, after: str, said: Told) -> None:
    assert told(before, after) == said


def test_what_is_as_it_was_is_folded_but_for_the_heading_above() -> None:
    same = "One.\n\nTwo.\n\n# Duties\n\n"
    stretches = compared(f"{same}Keep it here.\n\nThree.", f"{same}Keep it there.\n\nThree.").stretches
    assert [(stretch.folded, len(stretch.passages)) for stretch in stretches] == [
        (True, 2),
        (False, 2),
        (False, 1),
    ]
    assert stretches[1].passages[0].is_heading


def test_another_title_alone_differs() -> None:
    found = compared("Keep it.", "Keep it.", titles=("Old terms", "New terms"))
    assert found.differs
    assert [piece.mark for piece in found.title.pieces] == [Mark.OUT, Mark.NEW, Mark.SAME]
    assert not compared("Keep it.", "Keep it.").differs


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("", "New terms", [Piece(Mark.NEW, "New terms")]),
        ("Old terms", "", [Piece(Mark.OUT, "Old terms")]),
        ("", "", []),
    ],
)
def test_a_title_that_lacks_is_no_words(before: str, after: str, pieces: list[Piece]) -> None:
    found = compared("Keep it here.", "Keep it there.", titles=(before, after))
    assert found.title.pieces == pieces
    page = render_to_string(DIFFERENCES, {"comparisons": [found], "current": None})
    assert "<h3></h3>" not in page
    assert page.count("[end]") == len(pieces) + 2


def test_a_change_is_found_in_long_terms() -> None:
    paragraphs = [" ".join(f"w{(place * number) ** 2 % 89}" for place in range(60)) for number in range(200)]
    changed = [f"{each} more" for each in paragraphs]
    pieces = [piece for each in told("\n\n".join(paragraphs), "\n\n".join(changed)) for piece in each]
    assert [words for mark, words in pieces if mark == "new"] == ["more"] * 200
    assert "out" not in {mark for mark, _words in pieces}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n\n".join(["a"] * 33_000), "\n\n".join(["b", *["a"] * 30_000, "b"])),
        ("\n\n".join(f"a{i}" for i in range(13_000)), "\n\n".join(f"b{i}" for i in range(13_000))),
        ("\n\n".join(f"a{i}" for i in range(13_000)), "\n\n".join(f"a{-i}" for i in range(-13_000, 0))),
        (" ".join("xy" * 25_000), " ".join("x" * 25_000 + "y" * 25_000)),
        ("\n\n".join([" ".join("xy" * 30)] * 800), "\n\n".join([" ".join("x" * 30 + "y" * 30)] * 800)),
    ],
)
def test_no_text_takes_long(before: str, after: str) -> None:
    assert max(len(before), len(after)) <= LONGEST
    begun = time.process_time()
    assert compared(before, after).differs
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(("before", "after"), [SHORT_PARAGRAPHS, ONE_HEADING_MOVED])
def test_no_page_grows_by_what_differs(before: str, after: str) -> None:
    """More differences than anyone reads are no more drawn than the texts."""
    assert LONGEST * 0.7 < max(len(before), len(after)) <= LONGEST
    found = compared(before, after)
    page = render_to_string(DIFFERENCES, {"comparisons": [found], "current": None})
    assert found.differs
    assert "There are too many differences to show them: the whole text is below." in page
    assert len(page) < 2_000


def test_as_many_differences_as_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms_comparison, "SHOWN", 2)
    assert not compared("Keep it here.", "Keep it there.").too_many
    assert compared("Keep it here.", "Keep it there, yes.\n\nNew.").too_many


@pytest.fixture
def row(company: cast.Company) -> TermsDocument:
    return TermsDocument.objects.get(code="terms")


@pytest.fixture
def written(sven: Client, row: TermsDocument) -> None:
    """A draft that says something else than version 1 in English, and the same in German."""
    page = sven.get(address("write", row))
    current = row.current_version()
    given = {f"title_{text.language}": text.title for text in current.texts.all()}
    given |= {f"body_{text.language}": text.body for text in current.texts.all()}
    given |= {"body_en": "Text <b>one</b>", "names_archiving": "encryption"}
    assert sven.post(address("write", row), given | seen_in(page)).status_code == 302


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("what", ["document", "publish"])
def test_both_officers_see_what_differs(
    sven: Client, sara: Client, row: TermsDocument, what: str, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    for browser in (sven, sara):
        page = browser.get(address(what, row)).text
        assert "What differs from version 1" in page
        assert '<del><span class="visually-hidden" lang="en">[removed]</span> 1 ' in page
        assert '<ins><span class="visually-hidden" lang="en">[new]</span> &lt;b&gt;one&lt;/b&gt; ' in page
        assert "Nothing: both versions say the same." in page  # in German
        assert (
            "<del>Nothing is said of it</del> <ins>Keys that serve encryption alone are archived</ins>"
            in page
        )


def test_a_first_version_is_compared_with_nothing(sven: Client) -> None:
    row = TermsDocument.objects.create(code="house", name="House")
    sven.post(address("write", row), {"names_archiving": "none", "title_en": "House", "body_en": "Keep it."})
    assert "What differs" not in sven.get(address("document", row)).text
    assert "What differs" not in sven.get(address("publish", row)).text


@pytest.mark.usefixtures("written")
def test_a_published_version_says_what_differs_from_the_one_before(
    sven: Client, otto: Client, row: TermsDocument, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = False
    first = row.current_version()
    sven.post(address("publish", row), seen_in(sven.get(address("publish", row))))
    cast.publish_terms(row)
    second, third = row.versions.exclude(pk=first.pk).order_by("number")
    assert "What differs" not in otto.get(reverse("console:terms", args=[first.pk])).text
    assert "What differs from version 2" in otto.get(reverse("console:terms", args=[third.pk])).text

    with CaptureQueriesContext(connection) as asked:
        page = otto.get(reverse("console:terms", args=[second.pk])).text

    assert len(asked) <= 12
    assert "What differs from version 1" in page
    assert "&lt;b&gt;one&lt;/b&gt;" in page.partition("<ins>")[2]
    assert "Nothing: both versions say the same." in page
