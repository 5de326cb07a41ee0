"""Pieces of the generated pages."""

from collections.abc import Iterable, Sequence

from tests.architecture.source import ROOT

GENERATED = "<!-- From here on written by `make docs-reference`; what is changed by hand is overwritten. -->"
DOCS = ROOT / "docs"


def page(name: str, *parts: str) -> str:
    """The page of that name below docs/: what stands above the mark stays, the parts come below it."""
    head, mark, _old = (DOCS / name).read_text(encoding="utf-8").partition(GENERATED)
    assert mark, f"{name} does not say from where on it is generated"
    return "\n\n".join([f"{head}{mark}", *parts]) + "\n"


def section(title: str, *parts: str) -> str:
    """A part of a page under a headline."""
    return "\n\n".join([f"## {title}", *parts])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. A bar in a cell would end it, and a line break would end the row."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def code(text: object) -> str:
    """The text as it stands in the source."""
    return f"`{text}`"


def codes(texts: Iterable[object]) -> str:
    """The texts as they stand in the source, with commas."""
    return ", ".join(code(text) for text in texts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
