"""Read a configuration file within bounds; unknown names and wrong shapes are refused by their line."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from identity_manager.configuration.kind import REQUIRED, ConfigurationKind, Values
from identity_manager.configuration.registry import KINDS
from identity_manager.configuration.shapes import is_line
from identity_manager.configuration.writing import FORMAT
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import NotPossible, Reason, require

MOST_BYTES = 1536 * 1024  # in base64 a form of a page still takes it
MOST_ENTRIES = 1000
FINDINGS_TOLD = 10
# What nobody brings by a file, by the beginnings of the names that somebody would try.
DECIDED_HERE = (
    "role",
    "officer",
    "person",
    "recovery",
    "deput",
    "account",
    "approver-group",
    "secret",
    "vault",
)

TOO_LARGE = Reason(
    "configuration-too-large", _("A configuration file has at most 1.5 MB and at most 1,000 entries.")
)
NOT_TEXT = Reason("configuration-not-text", _("This is no text in UTF-8."))
NEWER = Reason(
    "configuration-other-format",
    _("The file says no format that is known here. It has to begin with format = 1."),
)
NOT_TOML = _("This is no TOML: %(error)s.")
TOO_DEEP = _("it is nested too deeply")
NEVER = _(
    "Line %(line)s: %(name)s cannot be in a configuration file. Roles, officers, persons, approver groups,"
    " recovery certificates and secrets are never brought by a file."
)
UNKNOWN_TABLE = _("Line %(line)s: there is no %(name)s in a configuration file. Known are: %(known)s.")
UNKNOWN_KEY = _("Line %(line)s: %(kind)s has no key %(name)s.")
MISSING_KEY = _("Line %(line)s: the key %(name)s is missing.")
WRONG_SHAPE = _("Line %(line)s: %(name)s has to be %(shape)s.")
NO_CODE = _("Line %(line)s: each entry needs a code that can name it.")
TWICE = _("Line %(line)s: %(code)s is there twice.")


@dataclass(frozen=True)
class ConfigurationEntry:
    """One entry of the file, with every key of its kind."""

    kind: ConfigurationKind
    code: str
    values: Values


def read(text: str) -> list[ConfigurationEntry]:
    """The entries, in the order of an import. Raises NotPossible with what is wrong, by line."""
    document, lines = _parsed(text), Lines(text)
    require(document.get("format") == FORMAT, else_=NEWER)
    tables = {name: content for name, content in document.items() if name != "format"}
    findings = list(_strangers(tables, lines))
    entries = []
    for name, kind in KINDS.items():
        for position, given in enumerate(_tables(tables.get(name))):
            findings += _findings(kind, given, Place(lines, name, position))
            entries.append((kind, given))
    findings += _twice(tables, lines)
    if findings:
        sentences = " ".join(map(str, findings[:FINDINGS_TOLD]))
        raise NotPossible(Reason("configuration-file", sentences), field="file")
    require(len(entries) <= MOST_ENTRIES, else_=TOO_LARGE, field="file")
    return [_entry(kind, given) for kind, given in entries]  # last, because it decodes pictures


def _entry(kind: ConfigurationKind, given: dict[str, Any]) -> ConfigurationEntry:
    values = {key: value for key, value in given.items() if key != "code"}
    return ConfigurationEntry(kind, given["code"], kind.filled(values))


def text_of(content: bytes) -> str:
    """The text of an uploaded file. Raises NotPossible."""
    require(len(content) <= MOST_BYTES, else_=TOO_LARGE, field="file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotPossible(NOT_TEXT, field="file") from error


def _parsed(text: str) -> dict[str, Any]:
    require(len(text.encode()) <= MOST_BYTES, else_=TOO_LARGE, field="file")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        sentence = NOT_TOML % {"error": TOO_DEEP}
        raise NotPossible(Reason("configuration-not-toml", sentence), field="file") from error
    except ValueError as error:  # TOMLDecodeError, and numbers of thousands of digits
        sentence = NOT_TOML % {"error": str(error)[:200].rstrip(".")}
        raise NotPossible(Reason("configuration-not-toml", sentence), field="file") from error


def _in_one_line(found: re.Match[str]) -> str:
    """Line breaks alone of a comment or of a string of several lines; another string as it is."""
    said = found[0]
    if said.startswith(('"""', "'''")):
        return '""' + "\n" * said.count("\n")
    return "" if said.startswith("#") else said


@dataclass(frozen=True)
class Place:
    """The entry of a kind at a position of the file."""

    lines: "Lines"
    kind: str
    position: int

    def line(self, key: str = "") -> int:
        """The line of a key; of the entry, where the key stands in none of its own."""
        return self.lines.of(self.kind, self.position, key)


class Lines:
    """Line numbers of the tables and keys of a file, which tomllib does not say."""

    # Strings and comments, as TOML tells them apart: quotes in a comment begin no string. So each string
    # ends, and no end is looked for again and again. *+ and ++ do not backtrack.
    _STRINGS = re.compile(
        r'"""(?:\\.|[^\\])*?"""{1,3}|\'\'\'.*?\'\'\'{1,3}|"(?:\\.|[^"\\\n])*+"|\'[^\'\n]*+\'|#[^\n]*+',
        re.DOTALL,
    )
    _TABLE = re.compile(r"\s*+\[++\s*+[\"']?([^\]\"'.]++)[\"']?\s*+([.\]])")
    _KEY = re.compile(r"\s*[\"']?([^\"'=\s.#\[\]{},]+)[\"']?\s*[.=]")

    def __init__(self, text: str) -> None:
        plain = self._STRINGS.sub(_in_one_line, text)
        self._found: dict[tuple[str, int, str], int] = {}
        name, position, counted = "", 0, dict[str, int]()
        for number, line in enumerate(plain.split("\n"), 1):
            if table := self._TABLE.match(line):
                if table[2] == "]":
                    name = table[1].strip()
                    position = counted[name] = counted.get(name, -1) + 1
                    self._found.setdefault((name, position, ""), number)
            elif key := self._KEY.match(line):
                self._found.setdefault((name, position, key[1]), number)

    def of(self, kind: str, position: int, key: str) -> int:
        """The line of that key of that entry, else of the entry, else of the name at the top, else 1."""
        asked = ((kind, position, key), (kind, position, ""), ("", 0, kind))
        return next((self._found[each] for each in asked if each in self._found), 1)


def _tables(content: Any) -> list[dict[str, Any]]:
    """The entries of one kind; what is no list of tables is told by _strangers."""
    return content if _is_tables(content) else []


def _is_tables(content: Any) -> bool:
    return isinstance(content, list) and all(isinstance(each, dict) for each in content)


def is_decided_here(name: str) -> bool:
    """Whether a name says what is never brought by a file."""
    return name.lower().replace("_", "-").startswith(DECIDED_HERE)


def _strangers(tables: dict[str, Any], lines: Lines) -> Iterator[Words]:
    for name, content in tables.items():
        if name not in KINDS or not _is_tables(content):
            sentence = NEVER if is_decided_here(name) else UNKNOWN_TABLE
            yield sentence % {"line": lines.of(name, 0, ""), "name": name[:60], "known": ", ".join(KINDS)}


def _findings(kind: ConfigurationKind, given: dict[str, Any], place: Place) -> Iterator[Words]:
    """Faults of one entry: no code, unknown or missing keys, values of the wrong shape."""
    code = given.get("code")
    if not isinstance(code, str) or not is_line(code) or not kind.is_code(code):
        yield NO_CODE % {"line": place.line("code")}
    for name, value in given.items():
        key, words = kind.keys.get(name), {"line": place.line(name), "name": name[:60], "kind": kind.name}
        if name == "code":
            continue
        if key is None:
            yield (NEVER if is_decided_here(name) else UNKNOWN_KEY) % words
        elif not key.shape.fits(value):
            yield WRONG_SHAPE % {**words, "shape": key.shape.words}
    for name, key in kind.keys.items():
        if key.default is REQUIRED and name not in given:
            yield MISSING_KEY % {"line": place.line(), "name": name}


def _twice(tables: dict[str, Any], lines: Lines) -> Iterator[Words]:
    for kind in KINDS:
        seen = set()
        for position, given in enumerate(_tables(tables.get(kind))):
            code = str(given.get("code"))
            if code in seen:
                yield TWICE % {"line": lines.of(kind, position, "code"), "code": code[:60]}
            seen.add(code)
