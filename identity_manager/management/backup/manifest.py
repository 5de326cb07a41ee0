"""Backup manifest: time, database, rows per table, file hashes."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
FILE_NAME = "manifest.json"
CHUNK = 1024 * 1024
BOOKS = ".."  # prefix of directories in which Kubernetes has second copies of mounted files
ISSUED = "issued"  # the embedded CA's issued files; not in backups (connectors/embedded/issued_files.py)


class BackupError(Exception):
    """A backup cannot be made or restored; the text is a sentence for operators."""


@dataclass(frozen=True)
class Manifest:
    """Content of manifest.json. counts: rows by table. files: SHA-256 (hexadecimal) by relative path.

    audit_number and audit_chain: end of the sealed audit log.
    """

    made_at: str
    engine: str
    engine_version: str
    migrations: list[str]
    counts: dict[str, int]
    audit_number: int
    audit_chain: str
    authorities: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def write(self, directory: Path) -> None:
        """Write the manifest last: a directory with one is complete."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"
        (directory / FILE_NAME).write_text(text, encoding="utf-8")


def read(directory: Path) -> Manifest:
    """Manifest of a complete, unchanged backup. Raises BackupError."""
    manifest = _parse(directory)
    for name, expected in sorted(manifest.files.items()):
        path = directory / name
        if not path.is_file():
            raise BackupError(f"The backup is not whole: {name} is missing.")
        if digest(path) != expected:
            raise BackupError(f"The backup was changed: {name} is not what the manifest says.")
    return manifest


def _parse(directory: Path) -> Manifest:
    path = directory / FILE_NAME
    if not path.is_file():
        raise BackupError(f"{directory} is no backup: it has no {FILE_NAME}.")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = content["format"]
        manifest = Manifest(**content) if version == FORMAT else None
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path} cannot be read: {error}.") from error
    if manifest is None:
        raise BackupError(f"The backup is of format {version}; this version reads format {FORMAT}.")
    return manifest


def hashes(directory: Path) -> dict[str, str]:
    """SHA-256 of every file by relative path, without BOOKS and ISSUED."""
    paths = (path for path in directory.rglob("*") if path.is_file() and path.name != FILE_NAME)
    found = {path.relative_to(directory).as_posix(): path for path in sorted(paths)}
    return {name: digest(path) for name, path in found.items() if not name.startswith((BOOKS, f"{ISSUED}/"))}


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()
