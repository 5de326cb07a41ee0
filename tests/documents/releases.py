"""docs/reference/releases.md: kept figures of each release beside the one before."""

import re
from typing import Any

from tests.documents import markdown
from tests.performance import compare
from tests.upgrade.releases import recorded


def page() -> str:
    """The page, newest release first."""
    sections = (_section(version, each) for version, each in compare.kept().items())
    return markdown.page("reference/releases.md", *sections)


def _section(version: str, content: dict[str, Any]) -> str:
    table = f"```text\n{compare.table(content)}```"
    return markdown.section(f"{version} beside {_name(content['base'])}", table)


def _name(base: str) -> str:
    """The version of a recorded release; a commit as it is."""
    names = {release.commit: release.version for release in recorded()}
    return names.get(base, base) if re.fullmatch(r"[0-9a-f]{40}", base) else base
