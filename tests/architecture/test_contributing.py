"""The table "What a change touches" of CONTRIBUTING.md: its files exist, are few, and are all it needs."""

import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("identity_manager", "selfservice", "ca_bridge", "templates")
MOST_FILES = 4
TEXT = ("templates/emails/", "locale/")  # they are no program
CHANGES = 17


def _rows() -> dict[str, tuple[list[str], str]]:
    """By change: patterns of its files, and the word of an existing one, empty where there is none."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    part = text.partition("## What a change touches")[2].partition("\n## ")[0]
    cells = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ")][1:]
    return {
        change.strip(): (re.findall(r"`([^`]+)`", files), example.strip(" `"))
        for change, files, example in cells
    }


def _pattern(name: str) -> str:
    """<name> stands for a module, or for a path of modules below a folder."""
    return re.sub(r"<\w+>", "*", name) + ("*" if name.endswith("/") else "")


@cache
def _product_files() -> dict[str, str]:
    """Text by path, without migrations."""
    files = [
        path
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html", ".txt", ".md") and "migrations" not in path.parts
    ]
    return {str(path.relative_to(ROOT)): path.read_text() for path in files}


ROWS = _rows()


def test_the_table_has_its_rows() -> None:
    assert len(ROWS) == CHANGES
    assert sum(1 for _files, word in ROWS.values() if word) >= CHANGES // 2


@pytest.mark.parametrize("change", ROWS)
def test_the_named_files_exist_and_are_few(change: str) -> None:
    names, _word = ROWS[change]
    assert names
    files = [name for name in names if not name.startswith(TEXT)]
    assert len(files) <= MOST_FILES
    assert [name for name in files if not name.startswith(tuple(f"{each}/" for each in PRODUCT))] == []
    assert [name for name in names if not list(ROOT.glob(_pattern(name).replace("/*", "/**/*")))] == []


@pytest.mark.parametrize(("change", "word"), [(change, word) for change, (_, word) in ROWS.items() if word])
def test_the_example_stands_in_the_named_files_alone(change: str, word: str) -> None:
    patterns = [_pattern(name) for name in ROWS[change][0]]
    having = {path for path, text in _product_files().items() if re.search(rf"\b{word}\b", text)}
    assert having, "the example is gone: name another one"
    assert len(having) <= MOST_FILES + len([name for name in ROWS[change][0] if name.startswith(TEXT)])
    assert {path for path in having if not any(fnmatch(path, pattern) for pattern in patterns)} == set()
