"""`python -m tests.performance.document`: the figures of var/bench.json for docs/reference/performance.md.

What stands under the headings of the sections here is replaced; the rest of the page is written by hand.
"""

import json
from typing import Any

from tests.performance import machine
from tests.performance.figures import ENGINES, FIGURES, value_of
from tests.performance.place import ROOT

PAGE = ROOT / "docs" / "reference" / "performance.md"


def main() -> None:
    content = json.loads((ROOT / "var" / "bench.json").read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), content), encoding="utf-8")


def page(text: str, content: dict[str, Any]) -> str:
    """The page with these figures in the place of those that it has. Raises ValueError: a section lacks."""
    for heading, section in (("Figures", figures(content)), ("What they mean", meanings())):
        before, title, rest = text.partition(f"\n## {heading}\n")
        _old, following, after = rest.partition("\n## ")
        if not following:
            raise ValueError(f"{PAGE.name} has no section {heading!r} before another one")
        text = f"{before}{title}\n{section}{following}{after}"
    return text


def figures(content: dict[str, Any]) -> str:
    rows_words = f"{content['scale']['rows']:,} persons and requests"
    lines = [
        f"Measured with {rows_words} on {machine.words(content['machine'])}. **Bold**: the goal is missed.",
        "",
        "| figure | PostgreSQL | SQLite | goal |",
        "|---|---|---|---|",
    ]
    for figure in FIGURES:
        unit = f" {figure.unit}".rstrip()
        forms = {"none": "not measured", "met": f"{{}}{unit}", "missed": f"**{{}}{unit}**"}
        cells = [figure.cell(value_of(content, figure, engine), engine, **forms) for engine in ENGINES]
        lines.append(f"| `{figure.name}` | {' | '.join(cells)} | {figure.goal} |")
    return "\n".join([*lines, ""])


def meanings() -> str:
    return "".join(f"- `{figure.name}`: {figure.meaning}.\n" for figure in FIGURES)


if __name__ == "__main__":
    main()
