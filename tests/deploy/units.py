"""Reads the units of deploy/systemd, as far as systemd's own words are needed to judge them."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.architecture.source import ROOT
from tests.deploy import composition

FOLDER = ROOT / "deploy" / "systemd"
SERVICES = ("web", "worker@", "beat", "migrate", "backup", "backup-failed")
PREFIX = "identity-manager-"
BIN = Path(sys.executable).parent


class Directive(NamedTuple):
    """One line of a unit."""

    section: str
    name: str
    value: str


def read(path: Path) -> list[Directive]:
    """The directives of a unit, in their order."""
    section, found = "", []
    for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _equals, value = line.partition("=")
            found.append(Directive(section, name, value))
    return found


def service(name: str) -> list[Directive]:
    return read(FOLDER / f"{PREFIX}{name}.service")


def values(unit: list[Directive], name: str) -> list[str]:
    """Every value of that directive."""
    return [each.value for each in unit if each.name == name]


def environment(unit: list[Directive]) -> dict[str, str]:
    """What the unit itself sets."""
    words = [word for value in values(unit, "Environment") for word in shlex.split(value)]
    return dict(word.split("=", 1) for word in words)


def sample() -> dict[str, str]:
    """The settings of environment.sample that have no # before them."""
    return {
        name: "".join(shlex.split(value))
        for name, value in re.findall(r"^([A-Z_]+)=(.*)$", _sample(), re.MULTILINE)
    }


def offered() -> set[str]:
    """Every setting that environment.sample names."""
    return set(re.findall(r"^#?([A-Z_]+)=", _sample(), re.MULTILINE))


def _sample() -> str:
    return (FOLDER / "environment.sample").read_text(encoding="utf-8")


def credentials(unit: list[Directive]) -> dict[str, str]:
    """Where each credential comes from, by its name; a folder's name stands before those of its files."""
    return dict(value.split(":", 1) for value in values(unit, "LoadCredential"))


def credential_files(loaded: dict[str, str], secrets: Path) -> Iterator[tuple[str, Path]]:
    """Name and source of every file that the process finds, where the secrets lie in that folder."""
    for name, source in loaded.items():
        place = secrets / source.removeprefix("/etc/identity-manager/secrets/")
        if place.is_dir():
            yield from ((f"{name}_{file.name}", file) for file in sorted(place.iterdir()))
        else:
            yield name, place


def make_secrets(folder: Path) -> Path:
    """As make-secrets.sh makes them for a plain machine."""
    owner = f"{os.getuid()}:{os.getgid()}"
    hosts = {"DATABASE_HOST": "localhost", "BROKER_HOST": "localhost"}
    subprocess.run(
        ["sh", str(composition.MAKE_SECRETS), str(folder)],
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "OWNER": owner, **hosts},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return folder


def web_variables(folder: Path, secrets: Path) -> dict[str, str]:
    """What the web unit's process is given, on a machine below the folder; its database is SQLite there."""
    unit = service("web")
    given = folder / "credentials"
    given.mkdir()
    for name, file in credential_files(credentials(unit), secrets):
        (given / name).write_bytes(file.read_bytes())
        (given / name).chmod(0o400)
    (given / "database-url").chmod(0o600)
    (given / "database-url").write_text(f"sqlite://{folder}/db.sqlite3")
    own = {name: value.replace("%d", str(given)) for name, value in environment(unit).items()}
    here = {"VAR_DIR": str(folder), "ALLOW_SQLITE": "true", "MAIL_FROM": "a@acme-corporation.net"}
    return {**sample(), **own, **here}
