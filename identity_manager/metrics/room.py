"""Free disk space on this host, for VAR_DIR and an SQLite database."""

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.conf import settings
from django.db import connection

MEBIBYTE = 1024 * 1024
LITTLE, TOO_LITTLE = 1024 * MEBIBYTE, 100 * MEBIBYTE


class Level(StrEnum):
    ENOUGH = "enough"
    LITTLE = "little"
    TOO_LITTLE = "too little"


@dataclass(frozen=True)
class Room:
    """Free bytes at a place."""

    place: Path
    free: int

    @property
    def mebibytes(self) -> int:
        return self.free // MEBIBYTE

    @property
    def level(self) -> Level:
        if self.free < TOO_LITTLE:
            return Level.TOO_LITTLE
        return Level.LITTLE if self.free < LITTLE else Level.ENOUGH


def rooms() -> list[Room]:
    """Free space of each of these places, once. Raises OSError."""
    places = {_existing(Path(settings.VAR_DIR))}
    if connection.vendor == "sqlite":
        places.add(_existing(Path(settings.DATABASES["default"]["NAME"]).parent))
    return [Room(place, shutil.disk_usage(place).free) for place in sorted(places)]


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
