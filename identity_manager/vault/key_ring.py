"""Key rings: versioned key-encryption keys (epochs), read from a file and from one file per later epoch.

A ring is lines of `version:base64` or `version:base64@moment`, newest last; the moment (ISO 8601) is when the
key comes into use. A new epoch is a file of its own, `<file>.<version>`. Files are checked at each use and
read again after a change, so no process needs a restart. A key is distributed before its moment, so that
every process can unwrap with it before any wraps with it.
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
    """A ring cannot be read or changed. The text never holds a key."""


@dataclass(frozen=True)
class Epoch:
    """One key of a ring: version, key in base64, start of use, and the file that holds it.

    Instead of a key, it may hold a reference to one in a key service or HSM (vault/key_references.py).
    """

    version: str
    key: str
    in_use_from: datetime = BEGINNING
    path: Path | None = None

    @property
    def line(self) -> str:
        """The epoch as a line of a ring file."""
        moment = "" if self.in_use_from == BEGINNING else f"@{self.in_use_from.isoformat()}"
        return f"{self.version}:{self.key}{moment}"


def parse(content: str, *, path: Path | None = None) -> list[Epoch]:
    """Parse the text of a ring. Raises KeyRingError."""
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
        """A ring from the environment, which never changes. Raises KeyRingError."""
        epochs = _in_order(parse(content))
        return cls(lambda: epochs)

    @classmethod
    def of_files(cls, path: Path) -> "KeyRing":
        """A ring from files, re-read when they change. Reading raises KeyRingError or OSError."""
        ring = cls(_Files(path).epochs, path=path)
        ring.epochs()
        return ring

    def epochs(self) -> list[Epoch]:
        """Every epoch, oldest first."""
        return self._epochs()

    def in_use(self, now: datetime) -> Epoch | None:
        """The epoch that wraps secrets now; None for an empty ring."""
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
    """The files of a ring, cached until one of them changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[Signature, list[Epoch]] | None = None

    def epochs(self) -> list[Epoch]:
        try:
            return self._present()
        except FileNotFoundError:  # an epoch was destroyed meanwhile
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
        # `from None`: the original error quotes the file's content.
        raise KeyRingError("must hold lines of the form version:base64") from None


def _in_order(epochs: list[Epoch]) -> list[Epoch]:
    return sorted(epochs, key=lambda epoch: epoch.in_use_from)


def files_of(path: Path) -> list[Path]:
    """The existing files of a ring: its own and those of later epochs."""
    beside = sorted(path.parent.glob(f"{path.name}.*")) if path.parent.is_dir() else []
    return [each for each in (path, *beside) if each.is_file()]


def new_key() -> str:
    """A new key: 32 random bytes in base64."""
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def add_epoch(ring: KeyRing, *, in_use_from: datetime, key: str = "") -> Epoch:
    """Write a new epoch to a file beside the ring's: a new key, or a reference to one elsewhere.

    Raises OSError, or KeyRingError for a ring without a file.
    """
    if ring.path is None:
        raise KeyRingError("does not come from a file")
    version = str(max((int(each) for each in ring if each.isdecimal()), default=0) + 1)
    epoch = Epoch(version, key or new_key(), in_use_from, ring.path.with_name(f"{ring.path.name}.{version}"))
    write(epoch.path or ring.path, f"{epoch.line}\n")
    return epoch


def write(path: Path, content: str) -> None:
    """Create a file with mode 0600, atomically. Raises FileExistsError, or OSError."""
    draft = _draft(path, content)
    try:
        path.hardlink_to(draft)
    finally:
        draft.unlink()


def _draft(path: Path, content: str) -> Path:
    """A temporary file name; the leading dot keeps a ring from reading it as an epoch."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return draft


def destroy(epoch: Epoch) -> None:
    """Overwrite the epoch's key in its file and remove it. Raises KeyRingError or OSError.

    Other keys in the same file are kept: the file is replaced atomically first. Copies that a disk or
    file system keeps of overwritten blocks are out of reach.
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
