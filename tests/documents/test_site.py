"""The documents as a site: it builds without a complaint, and it needs nobody else's host."""

import re
from pathlib import Path

import pytest

from identity_manager.workflow import ROAD
from tests import check_docs
from tests.architecture.source import ROOT

pytestmark = pytest.mark.long

HEAD = f'<meta http-equiv="Content-Security-Policy" content="{check_docs.POLICY}">'
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    outcome = check_docs.build(folder)
    assert outcome.returncode == 0, outcome.stderr
    return folder


def test_nothing_leads_to_another_host(site: Path) -> None:
    assert list(check_docs.findings(site)) == []
    assert (site / "index.html").is_file()


def test_every_page_is_in_the_navigation() -> None:
    """The decisions have a list of their own."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    listed = set(re.findall(r"[\w/-]+\.md", navigation))
    assert {page for page in pages if not re.match(r"decisions/\d", page)} == listed


def test_every_how_to_stands_on_the_first_page() -> None:
    """The portals' help begins there, and has no other list."""
    linked = set(re.findall(r"how-to/[\w-]+\.md", (DOCS / "index.md").read_text(encoding="utf-8")))
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.glob("how-to/*.md")} == linked


def test_every_picture_has_words() -> None:
    """A picture without them says nothing to who does not see it, and says nothing where it is missing."""
    silent = [
        f"{path.name}: {picture}"
        for path in DOCS.rglob("*.md")
        for picture in re.findall(r"!\[\s*\]\([^)]*\)", path.read_text(encoding="utf-8"))
    ]
    assert silent == []


def test_paths_of_the_source_exist() -> None:
    """What documents name in code style, below the product's folders and with an ending, is there."""
    named = re.compile(r"`((?:identity_manager|selfservice|ca_bridge|templates|tests|docs)/[\w./-]+\.\w+)`")
    missing = [
        f"{path.relative_to(DOCS)}: {name}"
        for path in DOCS.rglob("*.md")
        for name in named.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert missing == []


@pytest.mark.parametrize(
    "planted",
    [
        '<script src="https://cdn.example.com/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.com/a.css">',
        '<img src="http://counter.example.com/1.gif" alt="">',
        '<a href="https://example.com">there</a>',
        '<form action="https://example.com/"></form>',
        '<p style="background: url(https://example.com/a.png)"></p>',
    ],
)
def test_another_host_is_found(planted: str) -> None:
    assert len(check_docs.outside(HEAD + planted)) == 1


def test_a_page_without_the_policy_is_found() -> None:
    assert check_docs.outside("<p>Hello</p>") == ["no policy that keeps its scripts in"]


def test_what_stays_here_is_left_alone() -> None:
    inside = '<a href="../index.html#top">up</a><img src="data:image/png;base64,AA" alt=""><a href="#a">a</a>'
    assert check_docs.outside(HEAD + inside) == []


@pytest.mark.parametrize("planted", ["@import 'https://example.com/a.css';", "a{b:url(//example.com/c)}"])
def test_a_style_sheet_of_another_host_is_found(planted: str) -> None:
    assert len(check_docs.outside_of_style(planted)) == 1


def test_the_tests_that_documents_name_exist() -> None:
    """`tests/….py::test_…`: what a document calls proven is proven by something."""
    named = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
    found = {hit for path in DOCS.rglob("*.md") for hit in named.findall(path.read_text(encoding="utf-8"))}
    missing = [
        f"{file}::{test}"
        for file, test in sorted(found)
        if not re.search(rf"def {test}\(", (ROOT / file).read_text(encoding="utf-8"))
    ]
    assert missing == []
    assert len(found) > 20


def test_the_road_is_told_whole() -> None:
    """Every file of the index of the road is named where the road is told."""
    told = (DOCS / "explanation" / "road-of-a-token.md").read_text(encoding="utf-8")
    files = {verb.split(".")[-2] for step in ROAD for verb in step.verbs}
    assert {file for file in files if f"{file}." not in told} == set()


def test_an_upgrade_says_when_a_type_may_be_delivered_by_its_targets_alone() -> None:
    """Old workers would make a file with the key, and mail it."""
    upgrade, intune = (
        " ".join((DOCS / "how-to" / name).read_text().split()) for name in ("upgrade.md", "intune.md")
    )
    assert "activated only after **all** workers run the new version" in upgrade
    assert "intune.md#delivered-by-its-targets-alone" in upgrade
    assert "only when **all** workers run the new version" in intune
