"""Issued certificates as files beside the register, so that a restore of the database does not lose them.

issued/2026-11-28/SERIAL.crt (DER), below the CA's directory: written once the register has the certificate,
removed together with it, or once it is older than any backup. No backup contains them. Where the directory is
read-only, such as a mount of a secret store, there are none.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.contract import IssuedPage
from ca_bridge.errors import CaError

logger = logging.getLogger(__name__)

FOLDER, SINCE = "issued", "since"
KEPT = timedelta(days=400)  # longer than a backup is kept anywhere
PAGE = 500
_DAY = timedelta(days=1)


class IssuedFiles:
    """The issued files of one CA. Days are UTC."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / FOLDER
        self._is_logged = False

    def begin(self) -> None:
        """Record since when files are written: earlier certificates may be missing."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._folder / SINCE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(datetime.now(UTC).isoformat())

    def _kept_since(self) -> datetime | None:
        try:
            return datetime.fromisoformat((self._folder / SINCE).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def add(self, certificate: x509.Certificate) -> None:
        """Write one file. A full or read-only disk delays nobody: it is logged, once per process."""
        day = self._folder / f"{datetime.now(UTC):%Y-%m-%d}"
        self.begin()
        try:
            day.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(day / _name(certificate.serial_number), flags, 0o600), "wb") as file:
                file.write(certificate.public_bytes(Encoding.DER))
        except OSError as error:
            if not self._is_logged:  # once in each process: where a mount is read-only, it stays so
                logger.warning("What was issued is not written to %s: %s", day, error.strerror)
            self._is_logged = True

    def page(self, since: datetime, cursor: str) -> IssuedPage:
        """Serial numbers of a page of the files since that day.

        Raises CaError, permanent, if there are none here, or only from a later moment on.
        """
        kept_since = self._kept_since()
        if kept_since is None or kept_since > since:
            message = "This certificate authority has no files of what it issued in that time."
            detail = f"{self._folder}: {f'since {kept_since:%F %R} UTC' if kept_since else 'not there'}"
            raise CaError(message, detail, permanent=True)
        first = max(f"{since.astimezone(UTC) - _DAY:%Y-%m-%d}", cursor.partition("/")[0])
        names = [each for day in self._days() if day >= first for each in self._names(day) if each > cursor]
        part = names[:PAGE]
        serials = tuple(int(Path(each).stem, 16) for each in part)
        return IssuedPage(serials, part[-1] if len(names) > PAGE else "")

    def find(self, serial: int) -> bytes | None:
        """The certificate (DER) of a serial number."""
        for path in self._files(serial):
            with suppress(OSError):
                return path.read_bytes()
        return None

    def forget(self, serial: int) -> None:
        """Delete the file of a certificate."""
        for path in self._files(serial):
            path.unlink(missing_ok=True)

    def forget_old(self) -> None:
        """Delete the files that are older than any backup."""
        last = f"{datetime.now(UTC) - KEPT:%Y-%m-%d}"
        for day in [each for each in self._days() if each < last]:
            shutil.rmtree(self._folder / day, ignore_errors=True)

    def _days(self) -> list[str]:
        return sorted(each.name for each in self._folder.glob("*-*-*") if _is_day(each.name))

    def _names(self, day: str) -> Iterator[str]:
        found = sorted(each.name for each in (self._folder / day).glob("*.crt"))
        return (f"{day}/{name}" for name in found if _is_number(name))

    def _files(self, serial: int) -> list[Path]:
        return sorted(self._folder.glob(f"*-*-*/{_name(serial)}"))


def _name(serial: int) -> str:
    return f"{serial:040x}.crt"


def _is_number(name: str) -> bool:
    try:
        return int(name.removesuffix(".crt"), 16) > 0
    except ValueError:
        return False


def _is_day(name: str) -> bool:
    try:
        return bool(date.fromisoformat(name))
    except ValueError:
        return False
