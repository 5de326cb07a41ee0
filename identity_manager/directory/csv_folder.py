"""CSV drop: a folder whose files are read on schedule, the oldest first, one by one.

Each file has the whole state, or changes only, as configured. A file that was applied is deleted, because it
holds personal data; a rejected one is renamed, with the reason in a file beside it.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from identity_manager.directory import csv_file
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.directory.contract import DirectoryPerson, End, Item, SourceError
from identity_manager.directory.csv_file import CsvRow, UnreadableFile
from identity_manager.models import EntryState, RunMode

MOST_BYTES = 200 * 1024 * 1024
QUIET_SECONDS = 5  # without modification; a younger file may still be being written
WHOLE, CHANGES = "whole", "changes"
STATES = {
    "": EntryState.ACTIVE,
    "active": EntryState.ACTIVE,
    "inactive": EntryState.LEAVING,
    "leaving": EntryState.LEAVING,
    "disabled": EntryState.DISABLED,
    "expired": EntryState.EXPIRED,
    "locked": EntryState.LOCKED,
}


class CsvFolder:
    """The source of a folder. options: folder; holds: whole or changes."""

    def __init__(self, configuration: SourceConfiguration) -> None:
        self.configuration = configuration
        self.folder = Path(str(configuration.options.get("folder", "")))
        self.is_whole = configuration.options.get("holds", CHANGES) == WHOLE
        self._file: Path | None = None

    def read(self, _mode: RunMode, _cursor: Mapping[str, Any]) -> Iterator[Item]:
        """The persons of the oldest file."""
        self._file = self._oldest()
        if self._file is None:
            yield End(is_idle=True)
            return
        content = self._content(self._file)
        wanted = {attribute.name.lower() for attribute in self.configuration.fields.values()}
        lines: dict[str, int] = {}
        number = 0
        try:
            for row in csv_file.read_columns(content, sorted(wanted)):
                number += 1
                yield self._entry(row, lines)
        except UnreadableFile as error:
            raise SourceError(str(error)) from error
        if not number and not self.is_whole:
            raise SourceError(_("The file has no row below its first line."))
        cursor = {"file": self._file.name, "sha256": hashlib.sha256(content).hexdigest()}
        yield End(cursor, has_all_ids=self.is_whole, notes=(self._file.name,))

    def settled(self, cursor: Mapping[str, Any], *, problem: str) -> bool:
        """Delete the file of the run, or set it aside with the reason."""
        file = self.folder / Path(str(cursor["file"])).name if "file" in cursor else self._file
        if file is None or not file.is_file():
            return False
        with suppress(OSError):  # the next run finds it again, and changes nothing by it
            if problem:
                self._set_aside(file, problem)
            elif hashlib.sha256(file.read_bytes()).hexdigest() == cursor["sha256"]:
                file.unlink()
        return not file.exists()

    def _oldest(self) -> Path | None:
        try:
            files = [each for each in self.folder.iterdir() if each.suffix.lower() == ".csv"]
            before = time.time() - QUIET_SECONDS
            quiet = [each for each in files if each.is_file() and each.stat().st_mtime <= before]
            return min(quiet, key=lambda each: (each.stat().st_mtime, each.name), default=None)
        except OSError as error:
            raise SourceError(_("The folder cannot be read: %(why)s.") % {"why": error.strerror}) from error

    def _content(self, file: Path) -> bytes:
        try:
            with file.open("rb") as stream:
                content = stream.read(MOST_BYTES + 1)
        except OSError as error:
            raise SourceError(_("The file cannot be read: %(why)s.") % {"why": error.strerror}) from error
        if len(content) > MOST_BYTES:
            raise SourceError(_("The file is larger than 200 MB."))
        return content

    def _entry(self, row: CsvRow, lines: dict[str, int]) -> DirectoryPerson:
        found = {name: self._value(row, name) for name in self.configuration.fields}
        number, state_word = found["personnel_number"], found.pop("state", "").lower()
        manager = found.pop("manager", "")
        problem = row.problem
        if not problem and state_word not in STATES:
            problem = _("The state %(state)s is not known.") % {"state": ascii(state_word)}
        if not problem and not number:
            problem = _("The line has no personnel number.")
        if not problem and lines.setdefault(number, row.line) != row.line:
            problem = _("Stands in line %(line)s already.") % {"line": lines[number]}
            number = ""
        return DirectoryPerson(
            external_id=number[:200] or f"#{row.line}",
            key=number,
            values=found,
            state=STATES.get(state_word, EntryState.ACTIVE),
            manager=manager,
            problem=_("Line %(line)s: %(problem)s") % {"line": row.line, "problem": problem}
            if problem
            else "",
        )

    def _value(self, row: CsvRow, name: str) -> str:
        attribute = self.configuration.fields[name]
        return attribute.mapped(row.values.get(attribute.name.lower(), "").strip())

    def _set_aside(self, file: Path, problem: str) -> None:
        aside = self.folder / "refused"
        aside.mkdir(mode=0o700, exist_ok=True)
        target = aside / f"{time.strftime('%Y%m%dT%H%M%S')}-{file.name}"
        file.rename(target)
        target.with_suffix(".reason.txt").write_text(f"{problem}\n", encoding="utf-8")
