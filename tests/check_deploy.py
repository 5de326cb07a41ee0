"""`manage.py check --deploy` under production.env, with secrets made for the moment."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from string import Template

from identity_manager.config import secret_files

ENVIRONMENT_FILE = Path(__file__).with_name("production.env")
KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


def environment(directory: Path) -> dict[str, str]:
    """Return the process environment of a production whose secrets lie in the directory."""
    text = Template(ENVIRONMENT_FILE.read_text(encoding="utf-8")).substitute(SECRETS_DIR=directory)
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept,
        "VAR_DIR": str(directory),
        "SECRETS_DIR": str(directory),
        **dict(line.split("=", 1) for line in lines),
    }


def main() -> int:
    """Return the exit status of the check."""
    with tempfile.TemporaryDirectory() as directory:
        secret_files.make(Path(directory))
        command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
        return subprocess.run(command, env=environment(Path(directory)), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
