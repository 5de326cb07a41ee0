"""Idempotent preparation of the embedded mode: directories, translations, database, CA, demo data."""

import os
from io import StringIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management import call_command

PRIVATE_DIRECTORIES = ("data", "run", "mailbox", "ca")


def prepare() -> None:
    """Directories, catalogues, static files, database, cache table, CA, demo organisation."""
    make_directories(Path(settings.VAR_DIR))
    compile_catalogues()
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("init_embedded_ca", verbosity=0, stdout=StringIO())
    call_command("load_demo", verbosity=0, stdout=StringIO())


def make_directories(var: Path) -> None:
    """Create private directories."""
    for name in PRIVATE_DIRECTORIES:
        (var / name).mkdir(parents=True, exist_ok=True, mode=0o700)


def compile_catalogues() -> list[Path]:
    """Compile each translation that is newer than its compiled form; return those that were.

    In Python, because msgfmt is not on every machine.
    """
    catalogues = [
        path for folder in settings.LOCALE_PATHS for path in Path(folder).glob("*/LC_MESSAGES/*.po")
    ]
    stale = [path for path in catalogues if _is_newer(path, path.with_suffix(".mo"))]
    for path in stale:
        _compile(path)
    return stale


def _is_newer(source: Path, target: Path) -> bool:
    return not target.exists() or source.stat().st_mtime > target.stat().st_mtime


def _compile(source: Path) -> None:
    with source.open("rb") as stream:
        catalogue = read_po(stream, locale=source.parent.parent.name)
    draft = source.with_suffix(f".mo.{os.getpid()}")
    with draft.open("wb") as stream:
        write_mo(stream, catalogue)
    draft.replace(source.with_suffix(".mo"))
