"""Lock of a backup directory (flock): two backups at once would remove each other's unfinished files."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from identity_manager.management.backup.manifest import BackupError


@contextmanager
def locked_directory(directory: Path) -> Iterator[None]:
    """Lock the directory. Raises BackupError where another backup holds it or has just renamed it.

    The lock is on the directory itself and ends with the process. File systems without locks exclude
    nobody.
    """
    busy = BackupError(f"Another backup is being made in {directory}; nothing was done.")
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        raise busy from None
    try:
        if not _locked(descriptor) or not _is_still(descriptor, directory):
            raise busy
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a share without locks, or, as NFS, with none of what is open to be read
        return True
    return True


def _is_still(descriptor: int, directory: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), directory.stat())
    return False
