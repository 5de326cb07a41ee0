"""The folder of manage.py import_tokens and its file of passwords."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from ca_bridge.keys.keys import public_key_sha256
from ca_bridge.pkcs12 import foreign
from ca_bridge.pkcs12.foreign import ForeignKey
from ca_bridge.x509 import certificate_files
from identity_manager.workflow.token_imports.dry_run import File

MOST_OCTETS_OF_PASSWORDS = 50 * 1024 * 1024
BOM = "\ufeff"
_FIRST_NAME = re.compile(r'\A(?:"(?:[^"]|"")*"|[^;,\r\n]*)')


class UnreadableFileError(Exception):
    """The file of passwords or the folder cannot be read. A sentence for operators, without passwords."""


def passwords(path: Path) -> dict[str, str]:
    """The password of each file, by the name of the file: columns file;password or file,password, in UTF-8.

    A password is taken as it is written: nothing is stripped, and only the CSV's own quotes are taken off.
    Raises UnreadableFileError.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8").removeprefix(BOM)
    except UnicodeDecodeError:
        raise UnreadableFileError(f"{path} is not in UTF-8.") from None
    if len(content) > MOST_OCTETS_OF_PASSWORDS:
        raise UnreadableFileError(f"{path} is larger than any file of passwords.")
    found: dict[str, str] = {}
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        for cells in lines:
            _add(found, cells, path=path, line=lines.line_num)
    except csv.Error:
        raise UnreadableFileError(f"{path}: a quote is not closed.") from None
    return found


def _delimiter(text: str) -> str:
    """The delimiter: the first of both after the first file name, as a password may contain both."""
    behind = _FIRST_NAME.sub("", text.lstrip("\r\n"), count=1)
    return behind[:1] if behind[:1] in (";", ",") else ";"


def _add(found: dict[str, str], cells: list[str], *, path: Path, line: int) -> None:
    if not cells or (line == 1 and [each.lower() for each in cells] == ["file", "password"]):
        return
    if len(cells) != 2:
        raise UnreadableFileError(f"{path}, line {line}: two columns are expected, {len(cells)} were found.")
    if cells[0] in found:
        raise UnreadableFileError(f"{path}, line {line}: the file is named twice.")
    found[cells[0]] = cells[1]


class Folder:
    """The files of a folder, without those of folders in it. Each is read when it is needed."""

    def __init__(self, path: Path, secrets: Mapping[str, str], *, without: Path) -> None:
        self._secrets = secrets
        own = without.resolve()
        self._paths = sorted(each for each in path.iterdir() if each.is_file() and each.resolve() != own)
        self._by_sum: dict[str, Path] = {}
        self._last: tuple[str, Mapping[str, ForeignKey]] = ("", {})

    def __len__(self) -> int:
        return len(self._paths)

    def unnamed(self) -> list[str]:
        """Files that the file of passwords names and the folder lacks."""
        return sorted(self._secrets.keys() - {each.name for each in self._paths})

    def files(self) -> Iterator[Callable[[], File]]:
        return (partial(self._read, path) for path in self._paths)

    def _read(self, path: Path) -> File:
        with path.open("rb") as stream:
            content = stream.read(certificate_files.MOST_OCTETS + 1)  # a larger one is refused
        return File(path.name, content, self._secrets.get(path.name))

    def keys_of(self, file_sha256: str) -> Mapping[str, ForeignKey]:
        """The keys of the file with that SHA-256. Raises LookupError or ForeignFileError."""
        if self._last[0] != file_sha256:
            self._last = (file_sha256, self._open(file_sha256))
        return self._last[1]

    def _open(self, file_sha256: str) -> Mapping[str, ForeignKey]:
        if not self._by_sum:
            self._by_sum = {hashlib.sha256(p.read_bytes()).hexdigest(): p for p in self._paths}
        path = self._by_sum.get(file_sha256)
        if path is None or path.name not in self._secrets:
            raise LookupError(file_sha256)
        opened = foreign.read(path.read_bytes(), self._secrets[path.name])
        return {public_key_sha256(each.key).hex(): each for each in opened.keys}
