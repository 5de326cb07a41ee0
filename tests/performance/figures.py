"""The closed list of what `make bench` measures (figures.toml): names, goals, and what each means.

docs/reference/performance.md has the same names; a test compares them. A figure of an engine is NAME on
that engine; a name that has no engine is measured once.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POSTGRESQL, SQLITE = "postgresql", "sqlite"
ENGINES = (POSTGRESQL, SQLITE)
GOAL = re.compile(r"([<>]= [\d.]+)(?: on (PostgreSQL|SQLite))?")


@dataclass(frozen=True)
class Figure:
    """One name. goal: of both engines or of each, as people read it; empty where the figure only informs."""

    name: str
    part: str
    meaning: str
    unit: str = ""
    goal: str = ""

    def goal_on(self, engine: str) -> str:
        """`<=` or `>=` and a number; empty where there is none."""
        goals = {where.lower(): words for words, where in GOAL.findall(self.goal)}
        return goals.get(engine, goals.get("", ""))

    def is_met(self, value: float, engine: str) -> bool | None:
        """None where there is no goal."""
        compare, _, number = self.goal_on(engine).partition(" ")
        if not number:
            return None
        return value <= float(number) if compare == "<=" else value >= float(number)

    def cell(
        self, value: float | None, engine: str, *, none: str = "-", met: str = "{}", missed: str = "{}!"
    ) -> str:
        """The value in a table, in another form where it misses its goal."""
        if value is None:
            return none
        return (missed if self.is_met(value, engine) is False else met).format(self.shown(value))

    def shown(self, value: float) -> str:
        """As many digits as say something."""
        return f"{value:.2f}" if value < 10 else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def value_of(content: dict[str, Any], figure: Figure, engine: str) -> float | None:
    """As var/bench.json has it; None: not measured."""
    wanted = (figure.name, engine)
    found = [each["value"] for each in content["figures"] if (each["name"], each["engine"]) == wanted]
    return found[0] if found else None


_CONTENT = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FIGURES = tuple(Figure(name, **each) for name, each in _CONTENT.items())
