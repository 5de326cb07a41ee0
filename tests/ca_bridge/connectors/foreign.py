"""Clients of CAs that others wrote: each in an environment of its own, and run as a process of its own.

They prove the stubs. Some are under the GPL, some would fight with our packages: those are never imported.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tools.programs import in_ci

ENVIRONMENTS = Path(__file__).resolve().parents[3] / "var" / "foreign"
WITHIN = 300  # seconds
BUILT_QUICKLY = {"CFLAGS": "-O0 -g0"}  # gssapi is compiled: in 18 s instead of 44
# These would go before the roots that a client is told.
_ROOTS = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}


def python_with(requirement: str) -> Path:
    """The interpreter of an environment with this package; made once, whoever asks first."""
    name = f"{requirement}-py{sys.version_info.major}.{sys.version_info.minor}"
    place, locked = ENVIRONMENTS / name, ENVIRONMENTS / f"{name}.lock"
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with locked.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            _make(place, requirement)
    return place / "bin" / "python"


def packages_of(requirement: str) -> Path:
    """Where such an environment has its packages, for what has to run in the process of the tests."""
    (found,) = (python_with(requirement).parents[1] / "lib").glob("python*/site-packages")
    return found


def _make(place: Path, requirement: str) -> None:
    """Skips the test where the package index is out of reach; in CI that is a failure."""
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, timeout=WITHIN)
    install = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", requirement]
    environment = {**os.environ, **BUILT_QUICKLY}
    outcome = subprocess.run(
        install, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False
    )
    if outcome.returncode != 0:
        (pytest.fail if in_ci() else pytest.skip)(f"needs {requirement}: {outcome.stderr[-500:]}")
    (place / "complete").touch()


def run(python: Path, program: str, *arguments: str, env: Mapping[str, str] | None = None) -> list[str]:
    """What a program says, in lines."""
    inherited = {name: value for name, value in os.environ.items() if name not in _ROOTS}
    outcome = subprocess.run(
        [str(python), "-c", program, *arguments],
        env={**inherited, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.splitlines()
