"""The settings under test: the embedded mode, with directories and secrets made for this run alone.

The product's settings read the environment when they load, so it is set here, first. Only what makes tests
quicker or independent of a build is changed; what a test is about is never changed here.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from identity_manager.config import secret_files

PREFIX = "identity-manager-tests-"


def _own_directory() -> Path:
    """One for each process: pytest-xdist's workers share nothing."""
    _remove_orphans()
    directory = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    atexit.register(_remove, directory, os.getpid())
    return directory


def _remove_orphans() -> None:
    """What a process left that ended without a word: killed, or mypy, which ends itself in haste."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        owner = directory.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists() and Path("/proc/self").exists():
            shutil.rmtree(directory, ignore_errors=True)


def _remove(directory: Path, owner: int) -> None:
    """A child made by fork must leave its parent's directory alone."""
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)


_directory = _own_directory()
secret_files.make(_directory / "secrets")
(_directory / "data").mkdir()
os.environ.update(
    DEPLOYMENT="embedded",
    VAR_DIR=str(_directory),
    SECRETS_DIR=str(_directory / "secrets"),
    LOG_LEVEL="WARNING",
    LANGUAGES="en,de",  # pages and mails are walked in each; those of the others have tests of their own
)

from identity_manager.config import directory_sources, siem_sinks  # noqa: E402 the environment comes first
from identity_manager.config import settings as product  # noqa: E402 the environment comes first
from identity_manager.config.settings import *  # noqa: E402, F403 all of them, then what differs

INSTALLED_APPS = [*product.INSTALLED_APPS, "tests.documents"]  # for its command, write_reference
# A cast of a dozen signs in again and again: argon2 takes 0.1 s each time, by intention.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Two containers for each token, each made and read again. Tests about containers have what is delivered: see
# containers_as_delivered in conftest.py.
CONTAINER_STANDARD_ITERATIONS = 16
# So that pages have directories: a folder that nobody puts a file into, and one that clients write to.
(_directory / "drop").mkdir()
SIEM_SINKS = siem_sinks.sinks({"main": {"address": "127.0.0.1:9"}})  # nobody listens
DIRECTORY_SOURCES = directory_sources.sources(
    {
        "drop": {
            "kind": "csv",
            "name": "Folder of the personnel department",
            "fields": {
                name: name for name in ("personnel_number", "given_name", "surname", "email", "state")
            },
            "options": {"folder": str(_directory / "drop"), "holds": "changes"},
        },
        "scim": {
            "kind": "scim",
            "fields": {
                "personnel_number": "externalId",
                "given_name": "name.givenName",
                "surname": "name.familyName",
            },
        },
    }
)
# The manifest exists only after collectstatic.
_static_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STORAGES = {**product.STORAGES, "staticfiles": _static_files}
WHITENOISE_AUTOREFRESH = True
# Threads must see one database: a file, where Django's tests would take memory.
_sqlite = "sqlite" in product.DATABASES["default"]["ENGINE"]
_test_name = str(_directory / "data" / "test.sqlite3") if _sqlite else f"test_{os.getpid()}"
DATABASES = {"default": {**product.DATABASES["default"], "TEST": {"NAME": _test_name}}}
