"""docs/reference/settings.md: every setting that the settings file and gunicorn's file read, by running them.

The readers of identity_manager/config/env.py are replaced for the moment: each notes what it is asked for
and answers with the default, once as in the embedded mode and once as in production. What a setting means
is in settings.toml.
"""

import re
import runpy
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from identity_manager.config import env
from tests.architecture.source import ROOT
from tests.documents import markdown

SETTINGS = ROOT / "identity_manager" / "config" / "settings.py"
MEANINGS = Path(__file__).with_name("settings.toml")
GUNICORN = ROOT / "identity_manager" / "config" / "runtime" / "gunicorn.py"
SECTION = re.compile(r"^# --- (.+?) -+$", re.MULTILINE)
FIRST, LAST = "Where it runs", "gunicorn"  # sections that no line in the settings file names
SECRET = "made by `make run`"
DEMANDED, NOT_READ = "demanded", "–"
SAMPLES = {
    "text": "",
    "BROKER_URL": "redis://host",
    "base_url": "https://host",
    "web_address": "http://host",
    "database": {"ENGINE": "", "NAME": ""},
    "key_ring": None,
    "secret_file": "",
    "listing": [],
}


@dataclass(frozen=True)
class Reading:
    """What the settings file asked for: by which reader, in which section, with what default and bounds."""

    name: str
    reader: str
    section: str
    default: Any
    bounds: dict[str, Any]


def page() -> str:
    """Every setting, by section of the settings file."""
    embedded, production = (by_name(deployment) for deployment in ("embedded", "production"))
    sections: dict[str, list[tuple[str, ...]]] = {}
    for name, reading in (production | embedded).items():
        row = _row(reading, embedded.get(name), production.get(name))
        sections.setdefault(reading.section, []).append(row)
    heads = ("setting", "meaning", "value", "in the embedded mode", "in production")
    order = [FIRST, *SECTION.findall(SETTINGS.read_text(encoding="utf-8")), LAST]
    titles = sorted(sections, key=order.index)  # what production alone reads may have come last
    parts = [markdown.section(title, markdown.table(heads, sections[title])) for title in titles]
    return markdown.page("reference/settings.md", *parts)


def by_name(deployment: str) -> dict[str, Reading]:
    """Every reading of that deployment; of a setting that is read twice, the first."""
    found: dict[str, Reading] = {}
    for path in (SETTINGS, GUNICORN):
        for reading in _readings(path, deployment):
            found.setdefault(reading.name, reading)
    return found


def _row(reading: Reading, embedded: Reading | None, production: Reading | None) -> tuple[str, ...]:
    words = words_of(reading.name)
    return (
        markdown.code(reading.name),
        words["meaning"],
        _value(reading),
        words.get("embedded") or _default(embedded, secret=SECRET),
        words.get("production") or _default(production, secret=DEMANDED),
    )


def words_of(name: str) -> dict[str, str]:
    """The meaning of a setting, and what stands in place of its defaults. Raises KeyError without one."""
    entry = meanings()[name]
    return {"meaning": entry} if isinstance(entry, str) else entry


@cache
def meanings() -> dict[str, Any]:
    """What settings.toml says of each setting."""
    return tomllib.loads(MEANINGS.read_text(encoding="utf-8"))


def _value(reading: Reading) -> str:
    options = reading.bounds.get("options")
    if options:
        return f"{'one' if reading.reader == 'choice' else 'some'} of {markdown.codes(options)}"
    kinds = {
        "boolean": "`true` or `false`",
        "listing": "a list with commas",
        "networks": "a list with commas",
        "base_url": "scheme and host",
        "web_address": "an address",
        "directory": "a directory",
        "json_object": "a JSON object",
        "key_ring": "a ring of keys",
        "database": "an address",
    }
    if reading.reader in {"integer", "integers"}:
        many = reading.reader == "integers"
        return f"{'numbers with commas' if many else 'a number'}{_range(**reading.bounds)}"
    return kinds.get(reading.reader, "")


def _range(*, minimum: int = 0, maximum: int = 2**31) -> str:
    if maximum == 2**31:
        return f", at least {minimum}" if minimum else ""
    return f", {minimum:,} to {maximum:,}"


def _default(reading: Reading | None, *, secret: str) -> str:
    if reading is None:
        return NOT_READ
    if reading.reader in {"secret_file", "key_ring"}:
        return secret
    if reading.default is None:
        return DEMANDED
    if isinstance(reading.default, bool):
        return markdown.code(str(reading.default).lower())
    if reading.default in ("", {}, [], ()):
        return "none"
    listed = isinstance(reading.default, (list, tuple))
    shown = ",".join(map(str, reading.default)) if listed else str(reading.default)
    var = str((ROOT / "var").resolve())
    return markdown.code(shown.replace(quote(var), "var").replace(var, "var").replace(f"{ROOT}/", ""))


def _readings(path: Path, deployment: str) -> list[Reading]:
    """What the readers are asked for; they answer with the default."""
    found: list[Reading] = []
    readers = {name for name, each in vars(env).items() if callable(each) and _is_reader(name, each)}
    with patch.multiple(env, **{name: _reader(name, path, deployment, found) for name in readers}):
        runpy.run_path(str(path))
    return found


def _is_reader(name: str, each: Callable[..., Any]) -> bool:
    return getattr(each, "__module__", "") == env.__name__ and not name.startswith("_") and name != "is_set"


def _reader(reader: str, path: Path, deployment: str, found: list[Reading]) -> Callable[..., Any]:
    def read(name: str, *arguments: Any, **bounds: Any) -> Any:
        default = bounds.pop("default", arguments[-1] if arguments else None)
        if reader == "choice":
            bounds["options"] = arguments[0]
        if reader == "choices":
            bounds["options"] = default
        found.append(Reading(name, reader, _section(path), default, bounds))
        if name == "DEPLOYMENT":
            return deployment
        if reader == "choices":
            return list(default)
        if default is None or reader in {"database", "key_ring"}:
            return SAMPLES.get(name, SAMPLES.get(reader))
        return default

    return read


def _section(path: Path) -> str:
    """The title above the line of the file that is being run."""
    frame = sys._getframe()
    while frame.f_code.co_filename != str(path) or frame.f_code.co_name != "<module>":
        assert frame.f_back is not None
        frame = frame.f_back
    if path == GUNICORN:
        return LAST
    above = path.read_text(encoding="utf-8").splitlines()[: frame.f_lineno]
    return [FIRST, *SECTION.findall("\n".join(above))][-1]
