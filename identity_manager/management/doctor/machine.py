"""Host checks: free space, time zone data, static files, compiled translations."""

import json
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from identity_manager.management.doctor.check_result import CheckResult, failed, ok, warning
from identity_manager.metrics import room
from identity_manager.models import Person

STYLE_SHEET = "ui/base.css"


def disk() -> Iterator[CheckResult]:
    for each in room.rooms():
        says = f"{each.mebibytes:,} MiB are free at {each.place}."
        if each.level == room.Level.TOO_LITTLE:
            yield failed(says, "Make room: the database and the CA stop where they cannot write.")
        elif each.level == room.Level.LITTLE:
            yield warning(says, "Make room soon.")
        else:
            yield ok(says)


def time_zones() -> Iterator[CheckResult]:
    """Time zone data for the installation's zone and those of all persons."""
    names = {settings.TIME_ZONE, *Person.objects.values_list("time_zone", flat=True).distinct()} - {""}
    unknown = sorted(name for name in names if not _is_zone(name))
    if unknown:
        yield warning(
            f"The time zone data here do not know {', '.join(unknown)}: those persons read other times.",
            "Install tzdata (apt-get install tzdata, or pip install tzdata).",
        )
    else:
        yield ok(f"Every time zone in use is known ({len(names)}).")


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True


def static_files() -> Iterator[CheckResult]:
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    try:
        known = json.loads(manifest.read_text(encoding="utf-8"))["paths"]
    except (OSError, ValueError, KeyError):
        known = {}
    if STYLE_SHEET in known and (manifest.parent / known[STYLE_SHEET]).exists():
        yield ok(f"Static files are collected in {manifest.parent}.")
    else:
        yield failed("Static files are not collected: no page could be drawn.", "manage.py collectstatic")


def translations() -> Iterator[CheckResult]:
    sources = [path for folder in settings.LOCALE_PATHS for path in Path(folder).glob("*/LC_MESSAGES/*.po")]
    stale = [path for path in sources if not _is_compiled(path)]
    if stale:
        languages = ", ".join(sorted({path.parent.parent.name for path in stale}))
        yield warning(f"Translations are not compiled: {languages}.", "manage.py compile_catalogues")
    else:
        yield ok("Translations are compiled.")


def _is_compiled(source: Path) -> bool:
    target = source.with_suffix(".mo")
    return target.exists() and target.stat().st_mtime >= source.stat().st_mtime
