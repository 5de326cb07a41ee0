"""Rings of keys that live in epochs: read from a file and from the files of later epochs beside it.

A ring is lines of `version:base64` or `version:base64@moment`, newest last; the moment (ISO 8601) is when a
key comes into use. A new epoch is a file of its own, `<file>.<version>`. Files are looked at at each use and
read again when they have changed, so that no process must be started anew; a key can be there before its
moment, so that every process holds it before any uses it.
"""

import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
KEY_BYTES = 32  # AES-256

Signature = tuple[tuple[str, int, int, int], ...]


class KeyRingError(Exception):
    """A ring cannot be read or changed; the text never holds a key."""


@dataclass(frozen=True)
class Epoch:
    """One key: its version, the key in base64, from when on it is used, and the file that holds it."""

    version: str
    key: str
    in_use_from: datetime = BEGINNING
    path: Path | None = None

    @property
    def line(self) -> str:
        """The line of a ring."""
        moment = "" if self.in_use_from == BEGINNING else f"@{self.in_use_from.isoformat()}"
        return f"{self.version}:{self.key}{moment}"


def parse(content: str, *, path: Path | None = None) -> list[Epoch]:
    """The epochs of a ring's text. Raises KeyRingError."""
    return [_epoch(line, path) for line in content.replace(";", "\n").split()]


def _epoch(line: str, path: Path | None) -> Epoch:
    version, separator, rest = line.partition(":")
    key, _, moment = rest.partition("@")
    if not separator or not version or not key:
        raise KeyRingError("must hold lines of the form version:base64")
    try:
        in_use_from = datetime.fromisoformat(moment) if moment else BEGINNING
    except ValueError as error:
        raise KeyRingError("must hold moments of the form 2030-12-31T08:00:00+00:00") from error
    aware = in_use_from if in_use_from.tzinfo else in_use_from.replace(tzinfo=UTC)
    return Epoch(version, key, aware, path)


class KeyRing(Mapping[str, str]):
    """Versions and their keys (base64), the oldest first."""

    def __init__(self, epochs: Callable[[], list[Epoch]], *, path: Path | None = None) -> None:
        self._epochs = epochs
        self.path = path

    @classmethod
    def fixed(cls, content: str) -> "KeyRing":
        """A ring that stays as it is: from the environment. Raises KeyRingError."""
        epochs = _in_order(parse(content))
        return cls(lambda: epochs)

    @classmethod
    def of_files(cls, path: Path) -> "KeyRing":
        """A ring that is read again when its files change. Raises KeyRingError or OSError at a reading."""
        ring = cls(_Files(path).epochs, path=path)
        ring.epochs()
        return ring

    def epochs(self) -> list[Epoch]:
        """Every epoch, oldest first."""
        return self._epochs()

    def in_use(self, now: datetime) -> Epoch | None:
        """The epoch under which secrets are wrapped now; None for an empty ring."""
        begun = [epoch for epoch in self.epochs() if epoch.in_use_from <= now]
        return begun[-1] if begun else None

    def __getitem__(self, version: str) -> str:
        for epoch in self.epochs():
            if epoch.version == version:
                return epoch.key
        raise KeyError(version)

    def __iter__(self) -> Iterator[str]:
        return iter([epoch.version for epoch in self.epochs()])

    def __len__(self) -> int:
        return len(self.epochs())


class _Files:
    """The files of a ring, remembered until one of them changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[Signature, list[Epoch]] | None = None

    def epochs(self) -> list[Epoch]:
        try:
            return self._present()
        except FileNotFoundError:  # an epoch was destroyed between two looks
            return self._present()

    def _present(self) -> list[Epoch]:
        signature = self._signature()
        if self._seen is None or self._seen[0] != signature:
            found = [epoch for name, *_ in signature for epoch in _read(Path(name))]
            self._seen = (signature, _in_order(found))
        return self._seen[1]

    def _signature(self) -> Signature:
        states = [(path, path.stat()) for path in files_of(self._path)]
        return tuple((str(path), state.st_mtime_ns, state.st_size, state.st_ino) for path, state in states)


def _read(path: Path) -> list[Epoch]:
    try:
        return parse(path.read_text(encoding="utf-8"), path=path)
    except UnicodeDecodeError:
        # Without the error, which has in it what the file holds.
        raise KeyRingError("must hold lines of the form version:base64") from None


def _in_order(epochs: list[Epoch]) -> list[Epoch]:
    return sorted(epochs, key=lambda epoch: epoch.in_use_from)


def files_of(path: Path) -> list[Path]:
    """The file of a ring and those of its later epochs, as far as they exist."""
    beside = sorted(path.parent.glob(f"{path.name}.*")) if path.parent.is_dir() else []
    return [each for each in (path, *beside) if each.is_file()]


def new_key() -> str:
    """A new key: 32 random bytes in base64."""
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def add_epoch(ring: KeyRing, *, in_use_from: datetime) -> Epoch:
    """Write a new epoch beside the ring's file. Raises KeyRingError for a ring without a file, or OSError."""
    if ring.path is None:
        raise KeyRingError("does not come from a file")
    version = str(max((int(each) for each in ring if each.isdecimal()), default=0) + 1)
    epoch = Epoch(version, new_key(), in_use_from, ring.path.with_name(f"{ring.path.name}.{version}"))
    write(epoch.path or ring.path, f"{epoch.line}\n")
    return epoch


def write(path: Path, content: str) -> None:
    """Write a new file for its owner alone, whole or not at all. Raises FileExistsError, or OSError."""
    draft = _draft(path, content)
    try:
        path.hardlink_to(draft)
    finally:
        draft.unlink()


def _draft(path: Path, content: str) -> Path:
    """The name begins with a dot, so that no ring takes it for an epoch."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return draft


def destroy(epoch: Epoch) -> None:
    """Overwrite the epoch's key where it lies, and remove it. Raises KeyRingError or OSError.

    Other keys in the same file stay: they are written anew first. Whoever reads meanwhile finds the old
    file or the new one, whole. What a disk or a file system keeps of overwritten blocks is beyond this.
    """
    if epoch.path is None:
        raise KeyRingError("does not come from a file")
    others = [each.line for each in _read(epoch.path) if each.version != epoch.version]
    with epoch.path.open("r+b", buffering=0) as old:
        size = os.fstat(old.fileno()).st_size
        if others:
            _draft(epoch.path, "\n".join([*others, ""])).replace(epoch.path)
        else:
            epoch.path.unlink()
        old.write(secrets.token_bytes(size))
        os.fsync(old.fileno())
