"""No process of ours leaves its memory behind, though the shell that starts it would have it so."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from identity_manager.config import secret_files
from tests.architecture.source import ROOT

LOOK = """
import ctypes
from identity_manager.config import settings
limit = next(line for line in open("/proc/self/limits") if line.startswith("Max core file size"))
print(limit.split()[4], ctypes.CDLL(None).prctl(3))  # PR_GET_DUMPABLE
"""

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's"), pytest.mark.long]


def allowed() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def told(code: str, folder: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(folder), "SECRETS_DIR": str(folder / "secrets")}
    secret_files.make(folder / "secrets")
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        preexec_fn=allowed,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize(
    ("entrance", "dumpable"),
    [
        ("from identity_manager.config.runtime import process_kind; process_kind.serve_pages()", 0),
        ("import sys; sys.argv = ['celery', '--app', 'identity_manager', 'worker']", 0),
        ("import sys; sys.argv = ['celery', '--app', 'identity_manager', 'beat']", 0),
        ("import sys; sys.argv = ['manage.py', 'doctor']", 1),
    ],
    ids=["web", "worker", "beat", "command"],
)
def test_every_process_forbids_itself_core_dumps(entrance: str, dumpable: int, tmp_path: Path) -> None:
    assert told(f"{entrance}\n{LOOK}", tmp_path) == f"0 {dumpable}"


def test_the_shell_would_have_allowed_them(tmp_path: Path) -> None:
    """Else the test above could not fail."""
    told_limit = told(LOOK.replace("from identity_manager.config import settings\n", ""), tmp_path)
    limit, dumpable = told_limit.split()
    assert (limit != "0", dumpable) == (True, "1")
