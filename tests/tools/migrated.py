"""The database of the tests, as all migrations leave it: made once for a source, then copied.

To migrate takes many times as long as Django takes to start, and each process of the tests needs the same.
Django carries `migrate` out on each copy too, which finds nothing to do. How PostgreSQL's is kept and copied:
tests/tools/postgres_template.py.
"""

import hashlib
import shutil
import sqlite3
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.tools.postgres_template import begun_from, begun_from_a_template

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / ".pytest_cache" / "d" / "migrated"  # as pytest's cache names the folder
# What migrations may call, and all that carries them out: too much is better than too little.
SOURCES = (
    "identity_manager/**/*.py",
    "selfservice/**/*.py",
    "ca_bridge/**/*.py",
    "tests/settings.py",
    "requirements/dev.lock",
)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Django finds the copy and leaves it where it is; it goes with the directory of tests/settings.py."""
    return connection.vendor == "sqlite"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> object:
    """Before pytest-django has the database made, it is there as a copy."""
    if fixturedef.argname != "django_db_setup":
        return (yield)
    described, folder = connection.settings_dict["TEST"], request.config.cache.mkdir("migrated")
    if connection.vendor == "sqlite":
        with begun_from_a_copy(Path(described["NAME"]), folder=folder):
            return (yield)
    unblocked = request.getfixturevalue("django_db_blocker").unblock()
    with unblocked, begun_from_a_template(described, state=state(), folder=folder):
        return (yield)


def begun_from_a_copy(place: Path, *, folder: Path) -> AbstractContextManager[None]:
    """Who comes first makes the database at its place itself, and leaves a copy for the others."""
    original = folder / f"{state()}.sqlite3"

    def keep(draft: Path) -> None:
        with closing(sqlite3.connect(place)) as source, closing(sqlite3.connect(draft)) as target:
            source.backup(target)

    return begun_from(original, take=lambda: shutil.copyfile(original, place), keep=keep)


def copied_to(place: Path) -> None:
    """The database of this process for other ones: they need not migrate. SQLite only."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as source:
        source.execute("VACUUM INTO ?", (str(place),))


def copied_if_kept(place: Path) -> None:
    """What the tests have kept of the present source, for an installation that need not migrate itself then.

    SQLite only. Where nothing is kept, or the source is another one, the installation migrates as ever.
    """
    original = KEPT / f"{state()}.sqlite3"
    if original.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(original, place)


def state() -> str:
    """Another one for every other source, and for every other release of what carries it out."""
    digest = hashlib.sha256(sqlite3.sqlite_version.encode())
    for path in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()
