"""docs/reference/interoperability.md: what the tests found; `make interop` writes it, every run holds it.

A table is a heading, its columns are programs, its rows what they were given. While a run writes, each result
is noted and the tables are replaced at its end; otherwise each result must be the one that stands there.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "interoperability.md"
WRITES = os.environ.get("WRITE_INTEROPERABILITY") == "1"
YES = "yes"
TABLE = re.compile(r"^(?:\|.*\n)+", re.MULTILINE)
VERSIONS = "Versions"
Table = dict[str, dict[str, str]]  # row -> column -> word


def parse(text: str) -> dict[str, Table]:
    """Heading -> row -> column -> word, of every table that has a heading of its own."""
    found: dict[str, Table] = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _newline, body = section.partition("\n")
        lines = [_cells(line) for line in body.splitlines() if line.startswith("|")]
        if len(lines) > 2:
            columns = lines[0][1:]
            found[heading.strip()] = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in lines[2:]}
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def with_tables(text: str, tables: Mapping[str, Table]) -> str:
    """The document with these tables in the place of those under the same headings."""
    for heading, table in tables.items():
        before, title, rest = text.partition(f"## {heading}\n")
        found = TABLE.search(rest)
        assert title, f"the document has no heading {heading!r}"
        assert found, f"the document has no table under {heading!r}"
        text = before + title + rest[: found.start()] + _written(table) + rest[found.end() :]
    return text


def _written(table: Table) -> str:
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    lines += [[name, *(row[column] for column in columns)] for name, row in table.items()]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


@dataclass
class Matrix:
    """What this run found, beside what the document says."""

    committed: dict[str, Table] = field(default_factory=lambda: parse(DOCUMENT.read_text("utf-8")))
    noted: dict[str, Table] = field(default_factory=lambda: defaultdict(dict))

    def says(self, table: str, *, row: str, column: str, word: str = YES) -> None:
        """Hold the document to a result, or note it. A column that it does not have yet is to say yes."""
        cells = self.noted[table].setdefault(row, {})
        assert cells.setdefault(column, word) == word, f"{table}: {row}, {column}: once {cells[column]}"
        if not WRITES:
            expected = self.committed[table][row].get(column, YES)
            assert word == expected, f"{DOCUMENT.name} says {expected!r} of {row}, {column}; found {word!r}"

    def program(self, name: str, version: Callable[[], str]) -> None:
        """Note with which version of a program the document is written."""
        if WRITES and name not in self.noted[VERSIONS]:
            self.noted[VERSIONS][name] = {"Version": version()}

    def write(self) -> None:
        """Put what was noted into the document. A program that this run did not need keeps its version."""
        tables = {**self.committed, **self.noted}
        named = {
            column
            for title in tables
            if title != VERSIONS
            for row in tables[title].values()
            for column in row
        }
        versions = {**self.committed.get(VERSIONS, {}), **self.noted[VERSIONS]}
        tables[VERSIONS] = {name: cells for name, cells in versions.items() if name in named}
        text = with_tables(DOCUMENT.read_text("utf-8"), tables)
        DOCUMENT.write_text(text, encoding="utf-8")
