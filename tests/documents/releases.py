"""Writes docs/reference/releases.md: kept figures of each release beside the one before."""

import re
from typing import Any

from tests.performance import compare, kept_releases
from tests.upgrade.releases import recorded

INTRODUCTION = """# Figures from release to release

<!-- Written by `make docs-reference`; what is changed here by hand is overwritten. -->

Each release is measured beside the one before, part by part in turns on the same machine
(`make bench-compare BASE=<version> ARGS="--keep"`), because only figures of one run can be compared. A !
marks a missed goal, a dash what the benchmarks of that release do not measure: those of 1.0.0 end where they
make persons. [Performance](performance.md) says what each figure means.
"""


def page() -> str:
    """The page, newest release first."""
    return "\n".join(
        [INTRODUCTION, *(_section(version, each) for version, each in kept_releases.kept().items())]
    )


def _section(version: str, content: dict[str, Any]) -> str:
    return f"## {version} beside {_name(content['base'])}\n\n```text\n{compare.table(content)}```\n"


def _name(base: str) -> str:
    """The version of a recorded release; a commit as it is."""
    names = {release.commit: release.version for release in recorded()}
    return names.get(base, base) if re.fullmatch(r"[0-9a-f]{40}", base) else base
