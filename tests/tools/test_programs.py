"""A program that is missing is told at the end, and fails the run under CI=true."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly

SAMPLE = """
import pytest
@pytest.mark.needs_program("no-such-program", "sh")
def test_needs_what_is_not_there():
    raise AssertionError("it ran")
@pytest.mark.needs_program("sh")
def test_needs_what_is_there():
    pass
"""


@pytest.mark.parametrize(
    ("ci", "status", "result"), [("", 0, "1 passed, 1 skipped"), ("true", 1, "1 passed, 1 error")]
)
@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_missing_program(tmp_path: Path, ci: str, status: int, result: str, processes: str) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    options = ("-p", "tests.tools.programs", "-p", "xdist", "-n", processes, "--rootdir", str(tmp_path))
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "/dev/null", *options, str(tmp_path)],
        # Without the dozen plugins that are installed: each process would load them all.
        env={"PATH": "/usr/bin:/bin", "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result in outcome.stdout
    assert outcome.returncode == status
    assert "make test-programs" in outcome.stdout
    assert ("no-such-program (make test-programs): 1 tests" in outcome.stdout) == (ci == "")
    assert "it ran" not in outcome.stdout
