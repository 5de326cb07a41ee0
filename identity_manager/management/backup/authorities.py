"""Embedded CAs in backups: encrypted keys and certificates. The passphrase is stored with the secrets."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings

from identity_manager.management.backup import manifest
from identity_manager.management.backup.manifest import BackupError

FOLDER = "ca"


def dump(directory: Path) -> list[str]:
    """Copy each local embedded CA's directory; return the aliases."""
    copied = []
    for alias, source in _directories():
        if source.is_dir():
            left_out = shutil.ignore_patterns(f"{manifest.BOOKS}*", manifest.ISSUED)
            shutil.copytree(source, directory / FOLDER / alias, ignore=left_out)
            copied.append(alias)
    return copied


def refuse_others(directory: Path, aliases: list[str]) -> None:
    """Raises BackupError if a CA of the backup is not configured, or its directory has another CA."""
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
    """Whether it is the backup's CA. It may have newer issuing CAs, and its root key may be offline."""
    return all(
        present.get(path, digest if path.endswith(".key") else "") == digest
        for path, digest in backed_up.items()
    )


@contextmanager
def loaded(directory: Path, aliases: list[str]) -> Iterator[None]:
    """Context that restores missing CAs, and removes them again if the rest of the restore fails."""
    places = dict(_directories())
    with ExitStack() as undo:
        for alias in aliases:
            if not manifest.hashes(places[alias]):
                _put(directory / FOLDER / alias, places[alias])
                undo.callback(shutil.rmtree, places[alias])
        yield
        undo.pop_all()


def _put(source: Path, place: Path) -> None:
    """Copy a CA's directory atomically: a partial copy would look like a CA whose key was moved offline."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = place.with_name(f".{place.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        shutil.copytree(source, draft)
        _make_private(draft)
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _make_private(directory: Path) -> None:
    directory.chmod(0o700)
    for path in directory.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _directories() -> Iterator[tuple[str, Path]]:
    for alias, configuration in settings.CA_CONNECTORS.items():
        directory = configuration.get("OPTIONS", {}).get("directory")
        if directory:
            yield alias, Path(directory)
