"""docs/decisions/index.md: the decisions, in their order."""

from tests.architecture.source import ROOT
from tests.documents import markdown

FOLDER = ROOT / "docs" / "decisions"


def page() -> str:
    """One line for each decision."""
    lines = [f"- [{_title(name)}]({name})" for name in sorted(path.name for path in FOLDER.glob("[0-9]*.md"))]
    return markdown.page("decisions/index.md", "\n".join(lines))


def _title(name: str) -> str:
    first = (FOLDER / name).read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("# ")
