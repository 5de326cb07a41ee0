"""Figures that are kept of each release: `make bench-compare` with --keep measured them."""

import json
import tomllib
from pathlib import Path
from typing import Any

from tests.performance.place import ROOT

FOLDER = Path(__file__).parent / "releases"


def present_version() -> str:
    """Of pyproject.toml."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def file_of(version: str) -> Path:
    return FOLDER / f"{version}.json"


def kept() -> dict[str, dict[str, Any]]:
    """By version, newest first."""
    files = {tuple(map(int, each.stem.split("."))): each for each in FOLDER.glob("*.json")}
    newest_first = (files[version] for version in sorted(files, reverse=True))
    return {each.stem: json.loads(each.read_text(encoding="utf-8")) for each in newest_first}
