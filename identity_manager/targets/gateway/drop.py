"""Drop folders for envelopes: on this machine, or over SFTP (gateway/sftp.py)."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol


class HostKeyError(OSError):
    """The server presents another host key, or none of the pinned type."""


class SignInError(OSError):
    """The server does not accept the password or key."""


class Drop(Protocol):
    """One folder. Each method raises OSError if it failed."""

    def check(self) -> None:
        """Check that the folder exists and, as far as that can be read, is writable."""

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none of the name."""

    def write(self, name: str, content: bytes) -> None:
        """Write or overwrite the whole file, durably as far as the drop can."""

    def rename(self, old: str, new: str) -> None:
        """Rename atomically."""

    def remove(self, name: str) -> None:
        """Remove a file that is there."""

    def close(self) -> None:
        """End the connection, where there is one."""


class Folder:
    """A folder of this machine."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def check(self) -> None:
        """Raises OSError."""
        if not self._folder.is_dir():
            raise FileNotFoundError(str(self._folder))
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise PermissionError(str(self._folder))

    def read(self, name: str) -> bytes | None:
        """Raises OSError."""
        self.check()
        with suppress(FileNotFoundError):
            return (self._folder / name).read_bytes()
        return None

    def write(self, name: str, content: bytes) -> None:
        """Raises OSError. Only the owner and the group of the folder read the file."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        descriptor = os.open(self._folder / name, flags, 0o640)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(descriptor)

    def rename(self, old: str, new: str) -> None:
        """Raises OSError."""
        (self._folder / old).rename(self._folder / new)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Raises OSError."""
        (self._folder / name).unlink()

    def close(self) -> None:
        """Do nothing: no connection is open."""
