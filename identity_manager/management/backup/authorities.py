"""The directories of embedded CAs: encrypted keys, and certificates. The passphrase lies with the secrets."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from identity_manager.management.backup import manifest
from identity_manager.management.backup.manifest import BackupError

FOLDER = "ca"


def dump(directory: Path) -> list[str]:
    """Copy the directory of each CA that has one there; return the aliases."""
    copied = []
    for alias, source in _directories():
        if source.is_dir():
            books = shutil.ignore_patterns(f"{manifest.BOOKS}*")
            shutil.copytree(source, directory / FOLDER / alias, ignore=books)
            copied.append(alias)
    return copied


def refuse_others(directory: Path, aliases: list[str]) -> None:
    """Raise BackupError where a CA of the backup is not configured, or another one has its place."""
    places = dict(_directories())
    for alias in aliases:
        if alias not in places:
            raise BackupError(
                f"The backup holds the CA {alias}, which CA_CONNECTORS does not configure here."
            )
        present, backed_up = manifest.hashes(places[alias]), manifest.hashes(directory / FOLDER / alias)
        if present and not _is_of(backed_up, present):
            raise BackupError(f"{places[alias]} holds another CA than the backup; move it away.")


def _is_of(backed_up: dict[str, str], present: dict[str, str]) -> bool:
    """Whether it is the CA of the backup: since then an issuing CA may have come, and the root's key gone."""
    return all(
        present.get(path, digest if path.endswith(".key") else "") == digest
        for path, digest in backed_up.items()
    )


def load(directory: Path, aliases: list[str]) -> None:
    """Put the CAs of the backup where there are none."""
    places = dict(_directories())
    for alias in aliases:
        if not places[alias].exists():
            places[alias].parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copytree(directory / FOLDER / alias, places[alias])
            _make_private(places[alias])


def _make_private(directory: Path) -> None:
    directory.chmod(0o700)
    for path in directory.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _directories() -> Iterator[tuple[str, Path]]:
    for alias, configuration in settings.CA_CONNECTORS.items():
        directory = configuration.get("OPTIONS", {}).get("directory")
        if directory:
            yield alias, Path(directory)
